-- The invariants of invoices. Each is one statement that finds the rows breaking it and returns nothing when all is
-- well; a heading `-- name: sentence` starts each. Portable between SQLite and PostgreSQL.

-- numbers_without_gaps: Every number a series has given is on an issued document, each once, from 1 up.
SELECT s.prefix, s.next - 1 AS given, COUNT(i.id) AS issued, COALESCE(MIN(i.sequence), 1) AS first,
    COALESCE(MAX(i.sequence), 0) AS last
FROM invoice_series s
LEFT JOIN invoice i
    ON i.entity_id = s.entity_id AND i.kind = s.kind AND i.year = s.year AND i.is_test = s.is_test
GROUP BY s.prefix, s.next
HAVING COUNT(i.id) <> s.next - 1 OR COALESCE(MIN(i.sequence), 1) <> 1 OR COALESCE(MAX(i.sequence), 0) <> s.next - 1;

-- numbers_have_a_series: Every document's number was given by its series.
SELECT i.number, i.entity_id, i.kind, i.year
FROM invoice i
LEFT JOIN invoice_series s
    ON i.entity_id = s.entity_id AND i.kind = s.kind AND i.year = s.year AND i.is_test = s.is_test
WHERE s.prefix IS NULL OR i.number NOT LIKE s.prefix || '%';

-- days_in_order: Within a series a later number never has an earlier day.
SELECT i.number, i.issued_on, e.number AS earlier, e.issued_on AS earlier_day
FROM invoice i
JOIN invoice e
    ON e.entity_id = i.entity_id AND e.kind = i.kind AND e.year = i.year AND e.is_test = i.is_test
    AND e.sequence = i.sequence - 1
WHERE e.issued_on > i.issued_on;

-- lines_are_net: The lines of a document add up to its net amount.
SELECT i.number, i.net, COALESCE(SUM(l.net), 0) AS lines
FROM invoice i
LEFT JOIN invoice_line l ON l.invoice_id = i.id
GROUP BY i.id, i.number, i.net
HAVING i.net <> COALESCE(SUM(l.net), 0);

-- credited_at_most: The credit notes of an invoice never take back more than it charged.
SELECT i.number, i.gross, SUM(n.gross) AS credited
FROM invoice i
JOIN invoice n ON n.refers_to = i.id
GROUP BY i.id, i.number, i.gross
HAVING SUM(n.gross) > i.gross;

-- credited_in_kind: A credit note is in the currency, for the workspace and over the money of its invoice.
SELECT n.number, i.number AS invoice
FROM invoice n
JOIN invoice i ON n.refers_to = i.id
WHERE n.currency <> i.currency OR n.workspace_id <> i.workspace_id OR n.is_test <> i.is_test OR i.kind = 'credit_note';
