-- The invariants of the mirror: what it says stands at the remote is something of ours, and nothing is there for two.
-- Each is one statement that finds the rows breaking it and returns nothing when all is well. Portable between SQLite
-- and PostgreSQL.

-- mirrored_is_ours: What stands at the mirror is a customer, a plan or a subscription of ours.
SELECT i.kind, i.our_id
FROM mirror_item i
LEFT JOIN billing_customer c ON i.kind = 'customer' AND c.id = i.our_id
LEFT JOIN billing_plan p ON i.kind = 'plan' AND p.id = i.our_id
LEFT JOIN subscription s ON i.kind = 'subscription' AND s.id = i.our_id
WHERE i.kind <> 'event' AND c.id IS NULL AND p.id IS NULL AND s.id IS NULL;

-- mirrored_once: No two of ours are one thing at the mirror.
SELECT kind, remote_id, COUNT(*) AS times
FROM mirror_item
WHERE kind IN ('customer', 'subscription') AND remote_id IS NOT NULL
GROUP BY kind, remote_id
HAVING COUNT(*) > 1;

-- told_is_there: The mirror was told no more usage than there is.
SELECT f.name, f.after
FROM mirror_feed f
WHERE f.after > COALESCE((SELECT MAX(e.id) FROM usage_event e), 0);
