-- Owner: analytics. For this transaction: groups and partners are found by hashing, which takes memory and no sort;
-- compiling costs more than it saves; the shards are what runs in parallel. work_mem is half of what one hash takes
-- before it goes to disk. A page found by an index costs about what the next page costs, as on disks without moving
-- parts. Of a work table the planner has to know how large it is, not what is in it: a small sample will do.
SELECT
    set_config('work_mem', '256MB', TRUE),
    set_config('enable_sort', 'off', TRUE),
    set_config('enable_incremental_sort', 'off', TRUE),
    set_config('max_parallel_workers_per_gather', '0', TRUE),
    set_config('random_page_cost', '1.1', TRUE),
    set_config('default_statistics_target', '5', TRUE),
    set_config('jit', 'off', TRUE);
