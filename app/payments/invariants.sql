-- The invariants of money that goes back: refunds, disputes, their credits, credit notes and orders. Each is one
-- statement that finds the rows breaking it; a heading `-- name: sentence` starts each. Portable between SQLite and
-- PostgreSQL. A set-aside bears the id of its refund (`rfd_…`) or of its dispute and the opening of it (`dsp_…:1`), those
-- of further lots with `:lot_…` behind it, 31 characters; so do credit notes, the second for the same with `:2`.

-- refunds_move_their_credits: A refund that was made took its credits, one under way sets them aside, one that failed gave them back.
SELECT refund_id, state, credits_micros, set_aside, least, most, asked, shortfall
FROM (
    SELECT r.id AS refund_id, r.state, r.credits_micros, r.shortfall_micros, r.updated_at,
        (SELECT a.state FROM set_aside a WHERE a.ref = r.id) AS set_aside,
        p.least, p.most, COALESCE(p.asked, 0) AS asked, COALESCE(p.shortfall, 0) AS shortfall
    FROM refund r
    LEFT JOIN (
        SELECT CASE WHEN ref LIKE '%:lot~_%' ESCAPE '~' THEN SUBSTR(ref, 1, LENGTH(ref) - 31) ELSE ref END AS cause,
            MIN(state) AS least, MAX(state) AS most, SUM(asked) AS asked, SUM(shortfall) AS shortfall
        FROM set_aside
        WHERE ref NOT LIKE '%:more'
        GROUP BY CASE WHEN ref LIKE '%:lot~_%' ESCAPE '~' THEN SUBSTR(ref, 1, LENGTH(ref) - 31) ELSE ref END
    ) p ON p.cause = r.id
    WHERE r.credits_micros > 0
) refunds
WHERE (state IN ('succeeded', 'restored')
        AND (set_aside IS NULL OR least <> 2 OR asked <> credits_micros OR shortfall <> shortfall_micros))
    OR (state IN ('failed', 'canceled') AND (least <> 1 OR most <> 1))
    OR (state IN ('asked', 'pending') AND (set_aside IS NULL OR set_aside <> 0))
    OR asked > credits_micros
    OR (set_aside IS NOT NULL AND asked < credits_micros AND updated_at < :before);

-- refunds_have_credit_notes: A refund that was made has credit notes over exactly its amount, and no other refund has one.
SELECT r.id AS refund_id, r.state, r.credit_note_id, r.amount_minor, COALESCE(SUM(n.gross), 0) AS credited
FROM refund r
LEFT JOIN invoice n ON n.kind = 'credit_note' AND n.source_kind = 'refund' AND n.order_id = r.order_id
    AND (n.source_id = r.id OR n.source_id LIKE r.id || ':%') AND n.workspace_id = r.workspace_id
    AND n.currency = r.currency
GROUP BY r.id, r.state, r.credit_note_id, r.credit_note_number, r.amount_minor
HAVING (r.state IN ('succeeded', 'restored') AND (COALESCE(SUM(n.gross), 0) <> r.amount_minor OR NOT EXISTS (
        SELECT 1 FROM invoice f
        WHERE f.id = r.credit_note_id AND f.source_id = r.id AND f.number = r.credit_note_number)))
    OR (r.state NOT IN ('succeeded', 'restored') AND (r.credit_note_id IS NOT NULL OR COUNT(n.id) > 0));

-- disputes_move_their_credits: An open dispute has its credits set aside, a lost one took them, a won one gave them back.
SELECT dispute_id, state, credits_micros, set_aside, least, most, asked, shortfall
FROM (
    SELECT d.id AS dispute_id, d.state, d.credits_micros, d.shortfall_micros,
        (SELECT a.state FROM set_aside a WHERE a.ref = d.id || ':' || d.round) AS set_aside,
        p.least, p.most, COALESCE(p.asked, 0) AS asked, COALESCE(p.shortfall, 0) AS shortfall
    FROM dispute d
    LEFT JOIN (
        SELECT CASE WHEN ref LIKE '%:lot~_%' ESCAPE '~' THEN SUBSTR(ref, 1, LENGTH(ref) - 31) ELSE ref END AS cause,
            MIN(state) AS least, MAX(state) AS most, SUM(asked) AS asked, SUM(shortfall) AS shortfall
        FROM set_aside
        WHERE ref NOT LIKE '%:more'
        GROUP BY CASE WHEN ref LIKE '%:lot~_%' ESCAPE '~' THEN SUBSTR(ref, 1, LENGTH(ref) - 31) ELSE ref END
    ) p ON p.cause = d.id || ':' || d.round
    WHERE d.round > 0 AND d.credits_micros > 0
) disputes
WHERE set_aside IS NULL
    OR asked <> credits_micros
    OR (state = 'open' AND set_aside <> 0)
    OR (state = 'lost' AND (least <> 2 OR shortfall <> shortfall_micros))
    OR (state = 'restored' AND least <> 2)
    OR (state = 'released' AND (least <> 1 OR most <> 1));

-- disputes_have_their_credit_notes: The credit notes of a lost dispute are over what went back with it.
SELECT d.id AS dispute_id, d.state, d.credit_note_id, d.booked_minor, COALESCE(SUM(n.gross), 0) AS credited
FROM dispute d
LEFT JOIN invoice n ON n.kind = 'credit_note' AND n.source_kind = 'dispute' AND n.order_id = d.order_id
    AND (n.source_id = d.id || ':' || d.round OR n.source_id LIKE d.id || ':' || d.round || ':%')
WHERE d.credit_note_id IS NOT NULL
GROUP BY d.id, d.state, d.round, d.order_id, d.credit_note_id, d.credit_note_number, d.booked_minor
HAVING (d.state = 'lost' AND COALESCE(SUM(n.gross), 0) <> d.booked_minor) OR NOT EXISTS (
    SELECT 1 FROM invoice f
    WHERE f.id = d.credit_note_id AND f.kind = 'credit_note' AND f.source_kind = 'dispute'
        AND f.source_id LIKE d.id || ':%' AND f.order_id = d.order_id AND f.number = d.credit_note_number);

-- credit_notes_have_a_cause: A credit note for a refund or a dispute belongs to one that was made or lost.
SELECT n.id AS credit_note_id, n.number, n.source_kind, n.source_id
FROM invoice n
WHERE n.kind = 'credit_note' AND (
    (n.source_kind = 'refund' AND NOT EXISTS (
        SELECT 1 FROM refund r
        WHERE r.order_id = n.order_id AND (n.source_id = r.id OR n.source_id LIKE r.id || ':%') AND r.state IN ('succeeded', 'restored')))
    OR (n.source_kind = 'dispute' AND NOT EXISTS (
        SELECT 1 FROM dispute d WHERE d.order_id = n.order_id AND n.source_id LIKE d.id || ':%'))
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
