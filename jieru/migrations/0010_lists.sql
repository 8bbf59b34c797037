-- Lists of the registry: the bounds by which few devices are found among many.

-- The shortest and the longest interval of all, without reading every device.
CREATE INDEX devices_by_interval ON devices (expected_interval_s);
