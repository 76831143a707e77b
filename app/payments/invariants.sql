-- The invariants of money that goes back: refunds, disputes, their credits, credit notes and orders. Each is one
-- statement that finds the rows breaking it; a heading `-- name: sentence` starts each. Portable between SQLite and
-- PostgreSQL. A set-aside bears the id of its refund (`rfd_…`, further parts after a colon) or of its dispute and the
-- opening of it (`dsp_…:1`).

-- refunds_move_their_credits: A refund that was made took its credits, one under way sets them aside, one that failed gave them back.
SELECT r.id AS refund_id, r.state, a.state AS set_aside, a.shortfall
FROM refund r
LEFT JOIN set_aside a ON a.ref = r.id
WHERE r.credits_micros > 0 AND (
    (r.state IN ('succeeded', 'restored') AND (a.ref IS NULL OR a.state <> 2 OR a.shortfall <> r.shortfall_micros))
    OR (r.state IN ('failed', 'canceled') AND a.state <> 1)
    OR (r.state IN ('asked', 'pending') AND (a.ref IS NULL OR a.state <> 0))
    OR a.asked <> r.credits_micros
);

-- refunds_have_credit_notes: A refund that was made has a credit note over exactly its amount, and no other refund has one.
SELECT r.id AS refund_id, r.state, r.credit_note_id, r.amount_minor, n.gross
FROM refund r
LEFT JOIN invoice n ON n.id = r.credit_note_id AND n.kind = 'credit_note' AND n.source_kind = 'refund'
    AND n.source_id = r.id AND n.order_id = r.order_id AND n.workspace_id = r.workspace_id
    AND n.gross = r.amount_minor AND n.currency = r.currency AND n.number = r.credit_note_number
WHERE (r.state IN ('succeeded', 'restored') AND n.id IS NULL)
    OR (r.state NOT IN ('succeeded', 'restored') AND r.credit_note_id IS NOT NULL);

-- disputes_move_their_credits: An open dispute has its credits set aside, a lost one took them, a won one gave them back.
SELECT d.id AS dispute_id, d.state, a.state AS set_aside, a.shortfall
FROM dispute d
LEFT JOIN set_aside a ON a.ref = d.id || ':' || d.round
WHERE d.round > 0 AND d.credits_micros > 0 AND (
    a.ref IS NULL
    OR (d.state = 'open' AND a.state <> 0)
    OR (d.state = 'lost' AND (a.state <> 2 OR a.shortfall <> d.shortfall_micros))
    OR (d.state = 'restored' AND a.state <> 2)
    OR (d.state = 'released' AND a.state <> 1)
);

-- disputes_have_their_credit_notes: The credit note of a lost dispute is over what went back with it.
SELECT d.id AS dispute_id, d.state, d.credit_note_id, d.booked_minor, n.gross
FROM dispute d
LEFT JOIN invoice n ON n.id = d.credit_note_id AND n.kind = 'credit_note' AND n.source_kind = 'dispute'
    AND n.source_id LIKE d.id || ':%' AND n.order_id = d.order_id AND n.number = d.credit_note_number
WHERE d.credit_note_id IS NOT NULL AND (n.id IS NULL OR (d.state = 'lost' AND n.gross <> d.booked_minor));

-- credit_notes_have_a_cause: A credit note for a refund or a dispute belongs to one that was made or lost.
SELECT n.id AS credit_note_id, n.number, n.source_kind, n.source_id
FROM invoice n
WHERE n.kind = 'credit_note' AND (
    (n.source_kind = 'refund' AND NOT EXISTS (
        SELECT 1 FROM refund r WHERE r.id = n.source_id AND r.state IN ('succeeded', 'restored')))
    OR (n.source_kind = 'dispute' AND NOT EXISTS (SELECT 1 FROM dispute d WHERE n.source_id LIKE d.id || ':%'))
);

-- orders_say_what_went_back: A credited order is disputed, refunded, refunded in part or paid as its refunds and disputes say.
SELECT order_id, state, gross_minor, went_back, disputed
FROM (
    SELECT o.id AS order_id, o.state, o.gross_minor,
        (SELECT COALESCE(SUM(r.amount_minor), 0) FROM refund r WHERE r.order_id = o.id AND r.state = 'succeeded')
        + (SELECT COALESCE(SUM(d.booked_minor), 0) FROM dispute d WHERE d.order_id = o.id AND d.state = 'lost')
            AS went_back,
        (SELECT COUNT(*) FROM dispute d WHERE d.order_id = o.id AND d.state = 'open') AS disputed
    FROM payment_order o
    WHERE o.state IN ('paid', 'partially_refunded', 'refunded', 'disputed')
) sums
WHERE state <> CASE
    WHEN went_back >= gross_minor THEN 'refunded'
    WHEN disputed > 0 THEN 'disputed'
    WHEN went_back > 0 THEN 'partially_refunded'
    ELSE 'paid'
END;

-- never_more_back_than_paid: No more of a payment goes back than was paid.
SELECT o.id AS order_id, o.gross_minor, SUM(r.amount_minor) AS refunded
FROM payment_order o
JOIN refund r ON r.order_id = o.id AND r.state IN ('asked', 'pending', 'succeeded')
GROUP BY o.id, o.gross_minor
HAVING SUM(r.amount_minor) > o.gross_minor;

-- set_asides_have_a_reason: Credits are set aside only while a refund or a dispute is decided.
SELECT a.ref, a.amount, a.created_at
FROM set_aside a
WHERE a.state = 0 AND a.created_at < :before
    AND NOT EXISTS (
        SELECT 1 FROM refund r
        WHERE (a.ref = r.id OR a.ref LIKE r.id || ':%') AND r.state IN ('asked', 'seen', 'pending'))
    AND NOT EXISTS (
        SELECT 1 FROM dispute d
        WHERE a.ref LIKE d.id || ':%' AND (d.state IN ('new', 'flagged', 'open') OR d.updated_at >= :before));
