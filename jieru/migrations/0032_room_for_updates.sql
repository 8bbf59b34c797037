-- At the full hour every row of a page is updated by one transaction, before any of the old versions
-- can go. Half of each page is therefore kept free: then the new versions stay in their page, no
-- index entry is written, and neither table nor index grows. Pages that are full already stay so;
-- presence fills new ones with every month.

ALTER TABLE presence SET (fillfactor = 50);
ALTER TABLE device_states SET (fillfactor = 50);
