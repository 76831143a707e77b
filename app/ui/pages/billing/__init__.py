"""Who a workspace's invoices are made out to: shown and edited on /invoices, and asked for by /top-up."""
