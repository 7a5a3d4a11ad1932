"""The workbench in a browser: a shop in every state, served under several admin themes."""
