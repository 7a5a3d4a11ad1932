"""Money: budgets, the ledger, and the guard against a restored database that would buy again."""
