"""Who may call: clients, their keys, tokens, replays and rates. `gate` puts them together."""
