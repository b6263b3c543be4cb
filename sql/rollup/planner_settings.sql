-- Owner: analytics. For this transaction: groups are found by hashing, which takes memory and no sort; compiling costs
-- more than it saves. work_mem is what one hash may take, twice that before it goes to disk.
SELECT
    set_config('work_mem', '256MB', TRUE),
    set_config('enable_sort', 'off', TRUE),
    set_config('enable_incremental_sort', 'off', TRUE),
    set_config('jit', 'off', TRUE);
