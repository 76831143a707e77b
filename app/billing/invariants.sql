-- The invariants of billing: events, lines, invoices, documents and the ledger agree. Each is one statement that finds
-- the rows breaking it and returns nothing when all is well; a heading `-- name: sentence` starts each. Portable between
-- SQLite and PostgreSQL.

-- billed_lines_add_up: The lines of an invoice add up to its subtotal, its discount and its credits.
SELECT i.id, i.subtotal, i.discount, i.credits, COALESCE(SUM(l.amount), 0) AS lines
FROM billing_invoice i
LEFT JOIN billing_invoice_line l ON l.invoice_id = i.id
GROUP BY i.id, i.subtotal, i.discount, i.credits
HAVING i.subtotal <> COALESCE(SUM(l.amount), 0)
    OR i.discount <> COALESCE(SUM(l.discount), 0)
    OR i.credits <> COALESCE(SUM(l.credits), 0);

-- billed_on_a_document: A finalised invoice has its document, of the same workspace, currency and amounts.
SELECT i.id, i.number, i.total, d.gross
FROM billing_invoice i
LEFT JOIN invoice d ON d.id = i.document_id
WHERE i.state = 'FINALIZED' AND (
    d.id IS NULL
    OR d.number <> i.number
    OR d.workspace_id <> i.workspace_id
    OR d.currency <> i.currency
    OR d.gross <> i.total
    OR d.tax <> i.tax
    OR d.source_kind <> 'period'
    OR d.source_id <> i.id
);

-- documents_of_periods: A document issued for a period belongs to an invoice or a credit note of billing.
SELECT d.id, d.number
FROM invoice d
LEFT JOIN billing_invoice i ON i.document_id = d.id
LEFT JOIN billing_credit_note n ON n.document_id = d.id
LEFT JOIN billing_invoice v ON d.source_id = 'void:' || v.id AND v.state = 'VOIDED'
WHERE d.source_kind = 'period' AND i.id IS NULL AND n.id IS NULL AND v.id IS NULL;

-- drafts_have_no_number: What is not finalised has neither number nor document, unless it was voided.
SELECT id, state, number
FROM billing_invoice
WHERE state IN ('DRAFT', 'SKIPPED') AND (number IS NOT NULL OR document_id IS NOT NULL);

-- paid_is_payments: What an invoice says was paid is the sum of its payments that succeeded.
SELECT i.id, i.paid, COALESCE(SUM(p.amount), 0) AS payments
FROM billing_invoice i
LEFT JOIN billing_payment p ON p.invoice_id = i.id AND p.state = 'SUCCEEDED'
GROUP BY i.id, i.paid
HAVING i.paid <> COALESCE(SUM(p.amount), 0);

-- credited_is_notes: What was taken off or given back is the sum of its credit notes that were issued.
SELECT i.id, i.adjusted, i.refunded, COALESCE(SUM(n.amount), 0) AS notes
FROM billing_invoice i
LEFT JOIN billing_credit_note n ON n.invoice_id = i.id AND n.state = 'FINALIZED'
GROUP BY i.id, i.adjusted, i.refunded
HAVING i.adjusted + i.refunded <> COALESCE(SUM(n.amount), 0);

-- refunded_at_most: No more goes back than was paid.
SELECT id, paid, refunded
FROM billing_invoice
WHERE refunded > paid;

-- charges_are_payments: What was collected is a payment that succeeded, under the provider's own id, and only that.
SELECT c.payment_id, c.state, c.intent_id, p.state AS payment, p.reference
FROM billing_charge c
JOIN billing_payment p ON p.id = c.payment_id
WHERE (c.state = 'done') <> (p.state = 'SUCCEEDED') OR (c.state = 'done' AND (c.intent_id IS NULL OR p.reference IS NULL
    OR p.reference <> c.intent_id));

-- refunds_of_notes: What goes back of payments is what credit notes gave back, and no more than was paid by each.
SELECT n.id, n.amount, SUM(r.amount) AS refunds
FROM billing_credit_note n
JOIN billing_refund r ON r.note_id = n.id
GROUP BY n.id, n.amount, n.state
HAVING SUM(r.amount) <> n.amount OR n.state <> 'FINALIZED'
UNION ALL
SELECT p.id, p.amount, SUM(r.amount) AS refunds
FROM billing_payment p
JOIN billing_refund r ON r.payment_id = p.id
GROUP BY p.id, p.amount, p.state
HAVING SUM(r.amount) > p.amount OR p.state <> 'SUCCEEDED';

-- periods_billed_once: No line of a subscription is billed twice for the same usage or time.
SELECT l.subscription_line_id, l.period_start, COUNT(*) AS times
FROM billing_invoice_line l
JOIN billing_invoice i ON i.id = l.invoice_id
WHERE l.subscription_line_id IS NOT NULL AND l.purpose = '' AND i.state <> 'VOIDED'
GROUP BY l.subscription_line_id, l.period_start
HAVING COUNT(*) > 1;

-- credits_left_the_ledger: What an invoice took from wallets stands in the books, a journal for each wallet.
SELECT i.id, i.credits, i.state
FROM billing_invoice i
WHERE i.state = 'FINALIZED' AND i.credits > 0 AND NOT EXISTS (
    SELECT 1 FROM journal j WHERE j.kind = 'debit' AND j.ref LIKE '%/invoice/' || i.id
);

-- journals_have_invoices: What was taken from a wallet for an invoice belongs to one, or to a payment of one.
SELECT j.id, j.ref
FROM journal j
WHERE j.kind = 'debit' AND j.ref LIKE '%/invoice/inv_%'
    AND NOT EXISTS (SELECT 1 FROM billing_invoice i WHERE j.ref LIKE '%/invoice/' || i.id)
    AND NOT EXISTS (SELECT 1 FROM billing_payment p WHERE j.ref LIKE '%/invoice/' || p.id);

-- owed_is_settled_once: No more of what was used on limits is settled than invoices asked for.
SELECT workspace_id, asked, settled
FROM (
    SELECT p.workspace_id,
        (SELECT COALESCE(SUM(i.credit_micros), 0) FROM billing_invoice i
         WHERE i.workspace_id = p.workspace_id AND i.state = 'FINALIZED') AS asked,
        (SELECT COALESCE(-SUM(e.amount), 0) FROM entry e JOIN journal j ON j.id = e.journal_id
         WHERE e.account = 'ws:' || p.workspace_id || ':receivable' AND e.unit = 'credit'
            AND j.kind IN ('owed_paid', 'owed_written_off')) AS settled
    FROM postpaid p
) sums
WHERE settled > asked;

-- owed_is_billed_once: What invoices asked for is what was used on the limit until the last close.
SELECT workspace_id, asked, used
FROM (
    SELECT p.workspace_id,
        (SELECT COALESCE(SUM(i.credit_micros), 0) FROM billing_invoice i
         WHERE i.workspace_id = p.workspace_id AND i.state <> 'VOIDED') AS asked,
        (SELECT COALESCE(SUM(e.amount), 0) FROM entry e JOIN journal j ON j.id = e.journal_id
         WHERE e.account = 'ws:' || p.workspace_id || ':receivable' AND e.unit = 'credit'
            AND j.kind NOT IN ('owed_paid', 'owed_written_off') AND j.created_at < p.closed_until) AS used
    FROM postpaid p
) sums
WHERE asked <> used;
