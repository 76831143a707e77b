-- The invariants of the books. Each is one statement that finds the rows breaking it and returns nothing when all is
-- well; a heading `-- name: sentence` starts each. Portable between SQLite and PostgreSQL.
-- The only parameter is :before, the moment before which an open hold is overdue.

-- journals_balance: Every journal sums to zero in each of its units.
SELECT journal_id, unit, SUM(amount) AS off_by
FROM entry
GROUP BY journal_id, unit
HAVING SUM(amount) <> 0;

-- units_balance: All entries of a unit sum to zero.
SELECT unit, SUM(amount) AS off_by
FROM entry
GROUP BY unit
HAVING SUM(amount) <> 0;

-- balance_is_entries: A wallet's balance is what its prepaid account says.
SELECT w.id AS wallet_id, w.balance, COALESCE(SUM(e.amount), 0) AS entries
FROM wallet w
LEFT JOIN entry e ON e.account = 'ws:' || w.workspace_id || CASE w.unit WHEN 'credit' THEN '' ELSE ':' || w.unit END || ':prepaid' AND e.unit = w.unit
GROUP BY w.id, w.balance
HAVING w.balance <> -COALESCE(SUM(e.amount), 0);

-- balance_is_lots: A wallet's balance is what remains in its lots.
SELECT w.id AS wallet_id, w.balance, COALESCE(SUM(l.remaining), 0) AS lots
FROM wallet w
LEFT JOIN lot l ON l.wallet_id = w.id
GROUP BY w.id, w.balance
HAVING w.balance <> COALESCE(SUM(l.remaining), 0);

-- held_is_open_holds: What a wallet holds back is the sum of its open holds.
SELECT w.id AS wallet_id, w.held, COALESCE(SUM(h.amount), 0) AS open_holds
FROM wallet w
LEFT JOIN hold h ON h.wallet_id = w.id AND h.state = 0
GROUP BY w.id, w.held
HAVING w.held <> COALESCE(SUM(h.amount), 0);

-- owed_is_entries: What a wallet owes is what its receivable account says.
SELECT w.id AS wallet_id, w.owed, COALESCE(SUM(e.amount), 0) AS entries
FROM wallet w
LEFT JOIN entry e ON e.account = 'ws:' || w.workspace_id || CASE w.unit WHEN 'credit' THEN '' ELSE ':' || w.unit END || ':receivable' AND e.unit = w.unit
GROUP BY w.id, w.owed
HAVING w.owed <> COALESCE(SUM(e.amount), 0);

-- debt_is_entries: A wallet's debt is what its debt account says.
SELECT w.id AS wallet_id, w.debt, COALESCE(SUM(e.amount), 0) AS entries
FROM wallet w
LEFT JOIN entry e ON e.account = 'ws:' || w.workspace_id || CASE w.unit WHEN 'credit' THEN '' ELSE ':' || w.unit END || ':debt' AND e.unit = w.unit
GROUP BY w.id, w.debt
HAVING w.debt <> COALESCE(SUM(e.amount), 0);

-- nothing_below_zero: No wallet figure is below zero.
SELECT id AS wallet_id, balance, held, owed, debt, credit_limit
FROM wallet
WHERE balance < 0 OR held < 0 OR owed < 0 OR debt < 0 OR credit_limit < 0;

-- frozen_has_a_reason: A wallet is frozen exactly as long as a reason for it is in force.
SELECT w.id AS wallet_id, w.frozen, COUNT(f.id) AS in_force
FROM wallet w
LEFT JOIN wallet_freeze f ON f.wallet_id = w.id AND f.lifted_at IS NULL
GROUP BY w.id, w.frozen
HAVING (w.frozen AND COUNT(f.id) = 0) OR (NOT w.frozen AND COUNT(f.id) > 0);

-- frozen_for_a_debt: A wallet is frozen for a debt only while it has one.
SELECT w.id AS wallet_id, w.debt, f.ref
FROM wallet_freeze f
JOIN wallet w ON w.id = f.wallet_id
WHERE f.reason = 'debt' AND f.lifted_at IS NULL AND w.debt = 0;

-- wallet_chain: Each entry on a wallet's account follows from the one before it.
SELECT account, wallet_version, amount, before, balance_after
FROM (
    SELECT account, wallet_version, amount, balance_after,
        LAG(balance_after, 1, 0) OVER (PARTITION BY account ORDER BY wallet_version) AS before
    FROM entry
    WHERE wallet_version IS NOT NULL
) chain
WHERE (account LIKE '%:prepaid' AND balance_after <> before - amount)
    OR ((account LIKE '%:receivable' OR account LIKE '%:debt') AND balance_after <> before + amount);

-- wallet_entries_are_numbered: Every entry on a wallet's account has the version and balance of that wallet.
SELECT e.journal_id, e.account, e.wallet_version, w.version
FROM entry e
JOIN journal j ON j.id = e.journal_id
LEFT JOIN wallet w ON w.id = j.wallet_id
WHERE e.account LIKE 'ws:%' AND (
    w.id IS NULL
    OR e.unit <> w.unit
    OR NOT (
        e.account = 'ws:' || w.workspace_id || CASE w.unit WHEN 'credit' THEN '' ELSE ':' || w.unit END || ':set_aside'
        OR (
            e.account IN (
                'ws:' || w.workspace_id || CASE w.unit WHEN 'credit' THEN '' ELSE ':' || w.unit END || ':prepaid',
                'ws:' || w.workspace_id || CASE w.unit WHEN 'credit' THEN '' ELSE ':' || w.unit END || ':receivable',
                'ws:' || w.workspace_id || CASE w.unit WHEN 'credit' THEN '' ELSE ':' || w.unit END || ':debt'
            )
            AND e.wallet_version IS NOT NULL
            AND e.balance_after IS NOT NULL
            AND e.wallet_version <= w.version
        )
    )
);

-- captured_once: A captured hold has exactly one capture, for exactly the amount captured.
SELECT h.generation_id, h.captured, captures, charged
FROM (
    SELECT h.generation_id, h.captured, h.close_journal_id,
        (SELECT COUNT(*) FROM journal j
         WHERE j.generation_id = h.generation_id AND j.kind IN ('capture', 'early_capture')) AS captures,
        (SELECT COUNT(*) FROM journal j
         WHERE j.id = h.close_journal_id AND j.generation_id = h.generation_id
            AND j.kind IN ('capture', 'early_capture')) AS closing,
        (SELECT COALESCE(SUM(e.amount), 0) FROM entry e
         WHERE e.journal_id = h.close_journal_id AND e.account LIKE 'ws:%') AS charged
    FROM hold h
    WHERE h.state = 1
) h
WHERE captures <> 1 OR closing <> 1 OR charged <> captured;

-- uncaptured_is_free: A hold that is open or released has no capture.
SELECT h.generation_id, h.state, h.captured, j.id AS journal_id
FROM hold h
LEFT JOIN journal j ON j.generation_id = h.generation_id AND j.kind IN ('capture', 'early_capture')
WHERE h.state <> 1 AND (j.id IS NOT NULL OR h.captured <> 0);

-- captures_have_holds: Every capture belongs to a hold of the same wallet.
SELECT j.id AS journal_id, j.generation_id
FROM journal j
LEFT JOIN hold h ON h.generation_id = j.generation_id
WHERE j.kind IN ('capture', 'early_capture') AND (h.generation_id IS NULL OR h.wallet_id <> j.wallet_id);

-- captured_within_hold: A charge stays within its hold unless the price lets it go over.
SELECT h.generation_id, h.amount, h.captured
FROM hold h
JOIN generation g ON g.id = h.generation_id
JOIN model_version v ON v.id = g.version_id
WHERE h.captured > h.amount
    AND COALESCE(CAST(v.pricing_rule AS TEXT), '') NOT LIKE '%"overage"%"extend"%'
    AND COALESCE(CAST(v.pricing_rule AS TEXT), '') NOT LIKE '%"overage"%"owe"%';

-- never_given_back_twice: No generation was given back more than it was charged.
SELECT j.generation_id, SUM(e.amount) AS charged
FROM journal j
JOIN entry e ON e.journal_id = j.id
WHERE j.generation_id IS NOT NULL AND e.account LIKE 'ws:%'
GROUP BY j.generation_id
HAVING SUM(e.amount) < 0;

-- lots_add_up: What was granted in a lot is what remains plus what was used.
SELECT l.id AS lot_id, l.granted, l.remaining, COALESCE(SUM(u.amount), 0) AS used
FROM lot l
LEFT JOIN lot_use u ON u.lot_id = l.id
GROUP BY l.id, l.granted, l.remaining
HAVING l.granted <> l.remaining + COALESCE(SUM(u.amount), 0);

-- lots_open_while_full: A lot is open exactly as long as something remains in it.
SELECT id AS lot_id, remaining, open
FROM lot
WHERE (open AND remaining = 0) OR (NOT open AND remaining > 0);

-- lots_pay_for_credits: What a journal takes from credits is what it takes from lots, less the lot it made.
SELECT id AS journal_id, kind, taken, used, made
FROM (
    SELECT j.id, j.kind,
        (SELECT COALESCE(SUM(e.amount), 0) FROM entry e
         WHERE e.journal_id = j.id AND e.account LIKE '%:prepaid') AS taken,
        (SELECT COALESCE(SUM(u.amount), 0) FROM lot_use u WHERE u.journal_id = j.id) AS used,
        (SELECT COALESCE(SUM(l.granted), 0) FROM lot l WHERE l.journal_id = j.id) AS made
    FROM journal j
) sums
WHERE taken <> used - made;

-- top_ups_make_lots: What was paid for is a lot of that much, and so is the bonus on top.
SELECT id AS journal_id, kind, ref, issued, made
FROM (
    SELECT j.id, j.kind, j.ref,
        (SELECT COALESCE(SUM(e.amount), 0) FROM entry e
         WHERE e.journal_id = j.id AND e.account IN ('issued:credits:paid', 'expense:promo')) AS issued,
        (SELECT COALESCE(SUM(l.granted), 0) FROM lot l
         WHERE l.journal_id = j.id AND l.wallet_id = j.wallet_id
            AND l.kind = CASE j.kind WHEN 'top_up' THEN 'paid' ELSE 'promo' END) AS made
    FROM journal j
    WHERE j.kind IN ('top_up', 'bonus')
) sums
WHERE issued <> made OR made = 0;

-- bonus_beside_a_top_up: A bonus belongs to the top-up of the same name and wallet.
SELECT b.id AS journal_id, b.ref
FROM journal b
LEFT JOIN journal t ON t.kind = 'top_up' AND t.ref = b.ref AND t.wallet_id = b.wallet_id
WHERE b.kind = 'bonus' AND t.id IS NULL;

-- expired_when_due: Only a lot that was past its last day has ended.
SELECT j.id AS journal_id, u.lot_id, l.expires_at, j.created_at
FROM journal j
JOIN lot_use u ON u.journal_id = j.id
JOIN lot l ON l.id = u.lot_id
WHERE j.kind = 'expiry' AND (l.expires_at IS NULL OR l.expires_at > j.created_at);

-- set_aside_is_entries: What waits outside a balance is the sum of its open set-asides.
SELECT wallet_id, waiting, entries
FROM (
    SELECT w.id AS wallet_id,
        (SELECT COALESCE(SUM(a.amount), 0) FROM set_aside a WHERE a.wallet_id = w.id AND a.state = 0) AS waiting,
        (SELECT COALESCE(SUM(e.amount), 0) FROM entry e
         WHERE e.account = 'ws:' || w.workspace_id || CASE w.unit WHEN 'credit' THEN '' ELSE ':' || w.unit END || ':set_aside' AND e.unit = w.unit) AS entries
    FROM wallet w
) sums
WHERE waiting <> -entries;

-- set_asides_are_posted: A set-aside, and its end, is what its journals of the same name say.
SELECT ref, state, amount, shortfall, taken, given_back, taken_back, into_debt
FROM (
    SELECT a.ref, a.state, a.amount, a.shortfall,
        (SELECT COALESCE(SUM(u.amount), 0) FROM journal j JOIN lot_use u ON u.journal_id = j.id
         WHERE j.kind = 'set_aside' AND j.ref = a.ref AND j.id = a.journal_id AND j.wallet_id = a.wallet_id
            AND u.lot_id = a.lot_id) AS taken,
        (SELECT COALESCE(-SUM(u.amount), 0) FROM journal j JOIN lot_use u ON u.journal_id = j.id
         WHERE j.kind = 'give_back' AND j.ref = a.ref AND j.id = a.close_journal_id AND j.wallet_id = a.wallet_id
            AND u.lot_id = a.lot_id) AS given_back,
        (SELECT COALESCE(SUM(e.amount), 0) FROM journal j JOIN entry e ON e.journal_id = j.id
         WHERE j.kind = 'take_back' AND j.ref = a.ref AND j.id = a.close_journal_id AND j.wallet_id = a.wallet_id
            AND e.account LIKE 'ws:%:set_aside') AS taken_back,
        (SELECT COALESCE(SUM(e.amount), 0) FROM journal j JOIN entry e ON e.journal_id = j.id
         WHERE j.kind = 'take_back' AND j.ref = a.ref AND j.id = a.close_journal_id AND j.wallet_id = a.wallet_id
            AND e.account LIKE 'ws:%:debt') AS into_debt
    FROM set_aside a
) sums
WHERE taken <> amount
    OR given_back <> CASE state WHEN 1 THEN amount ELSE 0 END
    OR taken_back <> CASE state WHEN 2 THEN amount ELSE 0 END
    OR into_debt <> CASE state WHEN 2 THEN shortfall ELSE 0 END
    OR (state <> 2 AND shortfall <> 0);

-- set_asides_have_rows: A journal that sets aside, gives back or takes back belongs to a set-aside.
SELECT j.id AS journal_id, j.kind, j.ref
FROM journal j
LEFT JOIN set_aside a ON a.ref = j.ref AND j.id = CASE j.kind WHEN 'set_aside' THEN a.journal_id ELSE a.close_journal_id END
WHERE j.kind IN ('set_aside', 'give_back', 'take_back') AND a.ref IS NULL;

-- taken_back_once: No more of a lot is taken back, or may yet be, than it ever held.
SELECT l.id AS lot_id, l.granted, SUM(a.amount + a.shortfall) AS taken_back
FROM lot l
JOIN set_aside a ON a.lot_id = l.id AND a.state <> 1
GROUP BY l.id, l.granted
HAVING SUM(a.amount + a.shortfall) > l.granted;

-- debt_has_a_cause: Debt comes from credits taken back, and goes by top-up or by writing it off.
SELECT j.id AS journal_id, j.kind, e.amount
FROM entry e
JOIN journal j ON j.id = e.journal_id
WHERE e.account LIKE 'ws:%:debt' AND NOT (
    (j.kind = 'take_back' AND e.amount > 0)
    OR (j.kind IN ('top_up', 'write_off') AND e.amount < 0)
);

-- money_comes_with_credits: Money of a payment stands beside the credits it bought or gave back.
SELECT j.id AS journal_id, j.kind, e.account, e.amount
FROM entry e
JOIN journal j ON j.id = e.journal_id
WHERE (e.account LIKE 'cash:%' OR e.account IN ('deferred', 'tax_payable')) AND (
    j.kind NOT IN ('top_up', 'take_back')
    OR (e.account LIKE 'cash:%') <> ((j.kind = 'top_up') = (e.amount > 0))
);

-- reversals_undo: A reversal points at a journal of the same wallet.
SELECT r.id AS journal_id, r.reverses_id
FROM journal r
LEFT JOIN journal j ON j.id = r.reverses_id
WHERE r.kind = 'reversal' AND (j.id IS NULL OR COALESCE(j.wallet_id, 0) <> COALESCE(r.wallet_id, 0));

-- holds_have_generations: Every hold belongs to a generation of the same workspace, for the amount it shows.
SELECT h.generation_id, h.wallet_id, h.amount, g.hold_micros
FROM hold h
JOIN wallet w ON w.id = h.wallet_id
LEFT JOIN generation g ON g.id = h.generation_id
WHERE g.id IS NULL OR g.workspace_id <> w.workspace_id OR g.hold_micros <> h.amount;

-- finished_means_closed: No generation is finished while its hold is open, or runs without a hold.
SELECT g.id AS generation_id, g.state, h.state AS hold_state
FROM generation g
LEFT JOIN hold h ON h.generation_id = g.id
WHERE h.generation_id IS NULL OR (g.finished_at IS NOT NULL AND h.state = 0);

-- closed_means_finished: A hold is closed only when its generation is finished, or was charged on submit.
SELECT g.id AS generation_id, g.state, h.state AS hold_state
FROM generation g
JOIN hold h ON h.generation_id = g.id
LEFT JOIN journal j ON j.id = h.close_journal_id
WHERE g.finished_at IS NULL AND h.state <> 0 AND (
    j.id IS NULL
    OR j.kind <> 'early_capture'
    OR EXISTS (SELECT 1 FROM journal l WHERE l.generation_id = g.id AND l.kind = 'final')
    OR EXISTS (SELECT 1 FROM journal l WHERE l.reverses_id = j.id)
);

-- charged_as_shown: What a finished generation says it cost is what it was charged (less what was reversed since).
SELECT id AS generation_id, charged_micros, charged, kept
FROM (
    SELECT g.id, COALESCE(g.charged_micros, 0) AS charged_micros,
        (SELECT COALESCE(SUM(e.amount), 0) FROM journal j JOIN entry e ON e.journal_id = j.id
         WHERE j.generation_id = g.id AND e.account LIKE 'ws:%' AND j.kind <> 'reversal') AS charged,
        (SELECT COALESCE(SUM(e.amount), 0) FROM journal j JOIN entry e ON e.journal_id = j.id
         WHERE j.generation_id = g.id AND e.account LIKE 'ws:%') AS kept
    FROM generation g
    WHERE g.finished_at IS NOT NULL
) sums
WHERE charged_micros <> charged AND charged_micros <> kept;

-- costs_are_booked: What the attempts of a finished generation cost us is booked, no more and no less.
SELECT id AS generation_id, cost, booked
FROM (
    SELECT g.id,
        (SELECT COALESCE(SUM(a.cost_micros), 0) FROM attempt a WHERE a.generation_id = g.id) AS cost,
        (SELECT COALESCE(SUM(e.amount), 0) FROM journal j JOIN entry e ON e.journal_id = j.id
         WHERE j.generation_id = g.id
            AND (e.account LIKE 'expense:provider:%' OR e.account = 'expense:unknown_upstream')) AS booked
    FROM generation g
    WHERE g.finished_at IS NOT NULL
) sums
WHERE cost <> booked;

-- no_hold_forgotten: No hold stays open long after its deadline.
SELECT generation_id, wallet_id, amount, deadline_at
FROM hold
WHERE state = 0 AND deadline_at < :before;

-- spend_is_charges: What was spent, as budgets count it, is what finished generations were charged.
SELECT workspace_id, api_key_id, model_id, SUM(spent) AS spent, SUM(charged) AS charged
FROM (
    SELECT workspace_id, api_key_id, model_id, charged_micros AS spent, 0 AS charged, requests AS counted
    FROM spend
    UNION ALL
    SELECT workspace_id, COALESCE(api_key_id, ''), model_id, 0, charged_micros, -1
    FROM generation
    WHERE finished_at IS NOT NULL AND charged_micros > 0
) both_sides
GROUP BY workspace_id, api_key_id, model_id
HAVING SUM(spent) <> SUM(charged) OR SUM(counted) <> 0;
