-- What applied migrations in earlier releases left here besides its record, which is ours now: its
-- own log and version, and a lock that stayed for good when a migration was killed.

DROP TABLE IF EXISTS yoyo_lock, _yoyo_log, _yoyo_version;
