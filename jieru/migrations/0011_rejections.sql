-- Rejections, newest first: all, those of one platform's topics, of one reason, under one prefix.

DROP INDEX rejections_by_time;
CREATE INDEX rejections_by_time ON rejections (received_at, id);
CREATE INDEX rejections_by_reason ON rejections (reason, received_at, id);
CREATE INDEX rejections_by_platform ON rejections (split_part(topic, '/', 3), received_at, id)
    WHERE topic LIKE 'jieru/v1/%/%';
CREATE INDEX rejections_by_topic ON rejections (topic text_pattern_ops);
