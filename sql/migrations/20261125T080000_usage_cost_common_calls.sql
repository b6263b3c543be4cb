-- What counts come to at the prices of one period, in USD: the same sum as before, with the common calls (plain
-- tokens, some of them read from a cache, images counted as tokens) kept from the arithmetic that they do not need.
-- A kind that occurs without a price makes the whole unknown. The counts must not contradict each other, as those
-- of ai_usage_events cannot.
CREATE OR REPLACE FUNCTION modelscout.usage_cost(
    input_count bigint, output_count bigint, cache_read_count bigint, cache_write_count bigint,
    cache_write_1h_count bigint, operation_count bigint, images bigint,
    input_usd numeric, cache_read_usd numeric, cache_write_usd numeric, cache_write_1h_usd numeric,
    output_usd numeric, operation_usd numeric, image_usd numeric
) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
SELECT
    CASE
        WHEN
            cache_write_count = 0 AND operation_count = 0
            AND (images = 0 OR (image_usd IS NULL AND operation_usd IS NULL))
            AND input_usd IS NOT NULL AND output_usd IS NOT NULL
            THEN
                CASE
                    WHEN cache_read_count = 0 THEN input_count * input_usd + output_count * output_usd
                    ELSE
                        (input_count - cache_read_count) * input_usd + output_count * output_usd
                        + cache_read_count * cache_read_usd
                END
        -- Somebody forgot to count the operations.
        WHEN operation_usd IS NOT NULL AND images > 0 AND operation_count = 0 THEN NULL
        ELSE
            CASE
                WHEN input_count - cache_read_count - cache_write_count = 0 THEN 0
                ELSE (input_count - cache_read_count - cache_write_count) * input_usd
            END
            + CASE WHEN output_count = 0 THEN 0 ELSE output_count * output_usd END
            + CASE WHEN cache_read_count = 0 THEN 0 ELSE cache_read_count * cache_read_usd END
            + CASE
                WHEN cache_write_count - cache_write_1h_count = 0 THEN 0
                ELSE (cache_write_count - cache_write_1h_count) * cache_write_usd
            END
            + CASE WHEN cache_write_1h_count = 0 THEN 0 ELSE cache_write_1h_count * cache_write_1h_usd END
            + CASE WHEN operation_count = 0 THEN 0 ELSE operation_count * operation_usd END
            + CASE WHEN images = 0 OR image_usd IS NULL THEN 0 ELSE images * image_usd END
    END
$function$;
