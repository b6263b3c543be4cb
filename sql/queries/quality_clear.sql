-- Grain: one result of an earlier attempt of the same run and suite. Owner: quality. Writes: data_quality_results.
DELETE FROM data_quality_results AS q
WHERE q.run_key = :run_key AND q.suite = :suite;
