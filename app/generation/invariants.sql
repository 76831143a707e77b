-- The invariants of usage: every settled generation and its event. Each is one statement that finds the rows breaking
-- it; a heading `-- name: sentence` starts each. Portable between SQLite and PostgreSQL.

-- settled_generations_are_told: A settled generation has its one usage event, under its workspace or its customer's name, or the promise of one.
SELECT g.id AS generation_id, g.finished_at, e.customer
FROM generation g
LEFT JOIN usage_event e ON e.generation_id = g.id
LEFT JOIN usage_due d ON d.generation_id = g.id
WHERE g.state = 'settled'
  AND (e.id IS NULL OR (e.customer <> g.workspace_id AND NOT EXISTS (
        SELECT 1 FROM billing_customer c WHERE c.workspace_id = g.workspace_id AND c.external_id = e.customer)))
  AND (d.generation_id IS NULL OR g.finished_at < :before);

-- told_generations_are_settled: A usage event of a generation of ours belongs to one that was settled.
SELECT e.event_id, e.generation_id, g.state
FROM usage_event e
LEFT JOIN generation g ON g.id = e.generation_id
WHERE e.generation_id IS NOT NULL AND (g.id IS NULL OR g.state <> 'settled' OR e.event_id <> g.id || '_final');
