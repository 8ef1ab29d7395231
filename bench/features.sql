-- The features of the flights in DuckDB: the same rows as flights.transforms.features, from the views legs and outcomes.
-- Moments are whole numbers: days since 1970 in New York, steps of five minutes, or seconds.

CREATE OR REPLACE MACRO seconds(instant) AS epoch_us(instant) // 1000000;
CREATE OR REPLACE MACRO day_of(instant) AS timezone('America/New_York', instant::TIMESTAMPTZ)::DATE - DATE '1970-01-01';
CREATE OR REPLACE MACRO first_step(instant) AS (seconds(instant) + 299) // 300;
CREATE OR REPLACE MACRO smoothed(late, n, all_late, all_n) AS
    (coalesce(late, 0) + 25 * (all_late / nullif(all_n, 0))) / (coalesce(n, 0) + 25);

CREATE OR REPLACE TEMP VIEW flights AS
SELECT *, dep_minute // 60 AS hour, day_of(known_at) AS day, seconds(known_at) // 300 AS step FROM legs;

CREATE OR REPLACE TEMP VIEW departed AS
SELECT *, first_step(dep_utc) AS step FROM outcomes WHERE dep_utc IS NOT NULL;

CREATE OR REPLACE TEMP VIEW landed AS
SELECT *, dep_minute // 60 AS hour, day_of(known_at) AS day, first_step(known_at) AS step,
    (arr_delay > 15)::INT AS late, least(greatest(arr_delay, -60), 240) AS delay
FROM outcomes WHERE arr_delay IS NOT NULL;

CREATE OR REPLACE TEMP TABLE by_carrier AS
WITH moments AS (
    SELECT carrier, hour, day, count(late) AS n, coalesce(sum(late), 0) AS late
    FROM (FROM landed SELECT carrier, hour, day, late UNION ALL FROM flights SELECT carrier, hour, day, NULL)
    GROUP BY ALL
)
SELECT carrier, hour, day,
    sum(n) OVER carrier_hour_7 AS carrier_hour_n_7, sum(late) OVER carrier_hour_7 AS carrier_hour_late_7,
    sum(n) OVER carrier_hour_28 AS carrier_hour_n_28, sum(late) OVER carrier_hour_28 AS carrier_hour_late_28,
    sum(n) OVER carrier_7 AS carrier_n_7, sum(late) OVER carrier_7 AS carrier_late_7,
    sum(n) OVER carrier_28 AS carrier_n_28, sum(late) OVER carrier_28 AS carrier_late_28,
    sum(n) OVER hour_7 AS hour_n_7, sum(late) OVER hour_7 AS hour_late_7,
    sum(n) OVER hour_28 AS hour_n_28, sum(late) OVER hour_28 AS hour_late_28,
    sum(n) OVER all_7 AS all_n_7, sum(late) OVER all_7 AS all_late_7,
    sum(n) OVER all_28 AS all_n_28, sum(late) OVER all_28 AS all_late_28
FROM moments
WINDOW
    carrier_hour_7 AS (PARTITION BY carrier, hour ORDER BY day RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING),
    carrier_hour_28 AS (PARTITION BY carrier, hour ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING),
    carrier_7 AS (PARTITION BY carrier ORDER BY day RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING),
    carrier_28 AS (PARTITION BY carrier ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING),
    hour_7 AS (PARTITION BY hour ORDER BY day RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING),
    hour_28 AS (PARTITION BY hour ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING),
    all_7 AS (ORDER BY day RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING),
    all_28 AS (ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING);

CREATE OR REPLACE TEMP TABLE by_route AS
WITH moments AS (
    SELECT origin, dest, day, count(late) AS n, coalesce(sum(late), 0) AS late
    FROM (FROM landed SELECT origin, dest, day, late UNION ALL FROM flights SELECT origin, dest, day, NULL)
    GROUP BY ALL
)
SELECT origin, dest, day,
    sum(n) OVER route_7 AS route_n_7, sum(late) OVER route_7 AS route_late_7,
    sum(n) OVER route_28 AS route_n_28, sum(late) OVER route_28 AS route_late_28,
    sum(n) OVER origin_7 AS origin_n_7, sum(late) OVER origin_7 AS origin_late_7,
    sum(n) OVER origin_28 AS origin_n_28, sum(late) OVER origin_28 AS origin_late_28,
    sum(n) OVER dest_7 AS dest_n_7, sum(late) OVER dest_7 AS dest_late_7,
    sum(n) OVER dest_28 AS dest_n_28, sum(late) OVER dest_28 AS dest_late_28
FROM moments
WINDOW
    route_7 AS (PARTITION BY origin, dest ORDER BY day RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING),
    route_28 AS (PARTITION BY origin, dest ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING),
    origin_7 AS (PARTITION BY origin ORDER BY day RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING),
    origin_28 AS (PARTITION BY origin ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING),
    dest_7 AS (PARTITION BY dest ORDER BY day RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING),
    dest_28 AS (PARTITION BY dest ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING);

CREATE OR REPLACE TEMP TABLE by_flight AS
WITH moments AS (
    SELECT carrier, flight, origin, day, count(late) AS n, coalesce(sum(late), 0) AS late, sum(delay) AS delay
    FROM (
        FROM landed SELECT carrier, flight, origin, day, late, delay
        UNION ALL FROM flights SELECT carrier, flight, origin, day, NULL, NULL
    )
    GROUP BY ALL
)
SELECT carrier, flight, origin, day, sum(delay) OVER flight_28 AS flight_delay_28,
    sum(n) OVER flight_7 AS flight_n_7, sum(late) OVER flight_7 AS flight_late_7,
    sum(n) OVER flight_28 AS flight_n_28, sum(late) OVER flight_28 AS flight_late_28
FROM moments
WINDOW
    flight_7 AS (PARTITION BY carrier, flight, origin ORDER BY day RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING),
    flight_28 AS (PARTITION BY carrier, flight, origin ORDER BY day RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING);

CREATE OR REPLACE TEMP TABLE moments AS
SELECT carrier, origin, step, sum(delay) AS delay, sum(departed) AS departed, sum(scheduled) AS scheduled
FROM (
    FROM departed SELECT carrier, origin, step, dep_delay AS delay, 1 AS departed, 0 AS scheduled
    UNION ALL FROM flights SELECT carrier, origin, first_step(sched_dep_utc), 0, 0, 1
    UNION ALL FROM flights SELECT carrier, origin, step, 0, 0, 0
)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE carrier_state AS
SELECT carrier, origin, step,
    sum(delay) OVER carrier_3h / nullif(sum(departed) OVER carrier_3h, 0) AS carrier_delay_3h,
    sum(departed) OVER carrier_3h AS carrier_departed_3h,
    sum(delay) OVER carrier_origin_3h / nullif(sum(departed) OVER carrier_origin_3h, 0) AS carrier_origin_delay_3h
FROM moments
WINDOW
    carrier_3h AS (PARTITION BY carrier ORDER BY step RANGE BETWEEN 36 PRECEDING AND CURRENT ROW),
    carrier_origin_3h AS (PARTITION BY carrier, origin ORDER BY step RANGE BETWEEN 36 PRECEDING AND CURRENT ROW);

CREATE OR REPLACE TEMP TABLE origin_state AS
WITH moments AS (
    SELECT origin, step, sum(delay) AS delay, sum(departed) AS departed, sum(scheduled) AS scheduled
    FROM moments GROUP BY ALL
)
SELECT origin, step,
    sum(delay) OVER origin_1h / nullif(sum(departed) OVER origin_1h, 0) AS origin_delay_1h,
    sum(delay) OVER origin_3h / nullif(sum(departed) OVER origin_3h, 0) AS origin_delay_3h,
    sum(departed) OVER origin_3h AS origin_departed_3h,
    sum(scheduled - departed) OVER origin_3h AS origin_backlog_3h,
    sum(delay) OVER network_3h / nullif(sum(departed) OVER network_3h, 0) AS network_delay_3h
FROM moments
WINDOW
    origin_1h AS (PARTITION BY origin ORDER BY step RANGE BETWEEN 12 PRECEDING AND CURRENT ROW),
    origin_3h AS (PARTITION BY origin ORDER BY step RANGE BETWEEN 36 PRECEDING AND CURRENT ROW),
    network_3h AS (ORDER BY step RANGE BETWEEN 36 PRECEDING AND CURRENT ROW);

CREATE OR REPLACE TEMP TABLE arrivals AS
WITH moments AS (
    SELECT dest, step, count(delay) AS n, sum(delay) AS delay
    FROM (FROM landed SELECT dest, step, arr_delay AS delay UNION ALL FROM flights SELECT dest, step, NULL)
    GROUP BY ALL
)
SELECT dest, step, sum(delay) OVER hours_8 / nullif(sum(n) OVER hours_8, 0) AS dest_delay_8h
FROM moments
WINDOW hours_8 AS (PARTITION BY dest ORDER BY step RANGE BETWEEN 96 PRECEDING AND CURRENT ROW);

CREATE OR REPLACE TEMP TABLE plane_delays AS
SELECT tailnum, moment, max(delay) AS delay
FROM (
    FROM departed SELECT tailnum, seconds(dep_utc) AS moment, dep_delay AS delay
    UNION ALL FROM landed SELECT tailnum, seconds(known_at), arr_delay
)
WHERE tailnum IS NOT NULL AND delay IS NOT NULL
GROUP BY ALL;

CREATE OR REPLACE TEMP VIEW features AS
SELECT
    flight_date, f.carrier, f.flight, f.origin, f.dest, strftime(flight_date, '%a') AS weekday, dep_minute,
    sched_dep_utc, distance, scheduled_minutes, departures_that_hour, year(flight_date) - plane_year AS plane_age,
    seats, temp, dewp, humid, wind_dir, wind_speed, wind_gust, precip, pressure, visib,
    smoothed(carrier_late_7, carrier_n_7, all_late_7, all_n_7) AS carrier_late_7,
    smoothed(carrier_late_28, carrier_n_28, all_late_28, all_n_28) AS carrier_late_28,
    smoothed(origin_late_7, origin_n_7, all_late_7, all_n_7) AS origin_late_7,
    smoothed(origin_late_28, origin_n_28, all_late_28, all_n_28) AS origin_late_28,
    smoothed(dest_late_7, dest_n_7, all_late_7, all_n_7) AS dest_late_7,
    smoothed(dest_late_28, dest_n_28, all_late_28, all_n_28) AS dest_late_28,
    smoothed(route_late_7, route_n_7, all_late_7, all_n_7) AS route_late_7,
    smoothed(route_late_28, route_n_28, all_late_28, all_n_28) AS route_late_28,
    smoothed(hour_late_7, hour_n_7, all_late_7, all_n_7) AS hour_late_7,
    smoothed(hour_late_28, hour_n_28, all_late_28, all_n_28) AS hour_late_28,
    smoothed(carrier_hour_late_7, carrier_hour_n_7, all_late_7, all_n_7) AS carrier_hour_late_7,
    smoothed(carrier_hour_late_28, carrier_hour_n_28, all_late_28, all_n_28) AS carrier_hour_late_28,
    smoothed(flight_late_7, flight_n_7, all_late_7, all_n_7) AS flight_late_7,
    smoothed(flight_late_28, flight_n_28, all_late_28, all_n_28) AS flight_late_28,
    coalesce(flight_delay_28, 0) / (coalesce(flight_n_28, 0) + 4) AS flight_delay_28,
    origin_delay_3h, origin_departed_3h, carrier_delay_3h, carrier_departed_3h, carrier_origin_delay_3h,
    network_delay_3h, origin_delay_1h, origin_backlog_3h, dest_delay_8h,
    if(seconds(known_at) - p.moment <= 86400, p.delay, NULL) AS plane_last_delay,
    if(seconds(known_at) - p.moment <= 86400, (seconds(known_at) - p.moment) / 3600, NULL) AS plane_hours_since,
    if(f.tailnum IS NULL, NULL, row_number() OVER (
        PARTITION BY f.tailnum, flight_date ORDER BY sched_dep_utc, f.flight, f.carrier, f.origin
    ) - 1) AS plane_legs_before,
    if(f.tailnum IS NULL, NULL, least(2 * 1440, trunc((seconds(sched_dep_utc) - seconds(lag(sched_arr_utc) OVER (
        PARTITION BY f.tailnum ORDER BY sched_dep_utc, f.flight, f.carrier, f.origin
    ))) / 60))) AS plane_turnaround,
    known_at
FROM flights f
LEFT JOIN by_carrier USING (carrier, hour, day)
LEFT JOIN by_route USING (origin, dest, day)
LEFT JOIN by_flight USING (carrier, flight, origin, day)
LEFT JOIN carrier_state USING (carrier, origin, step)
LEFT JOIN origin_state USING (origin, step)
LEFT JOIN arrivals USING (dest, step)
ASOF LEFT JOIN plane_delays p ON f.tailnum = p.tailnum AND p.moment <= seconds(f.known_at);
