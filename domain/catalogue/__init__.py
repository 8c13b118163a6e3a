"""The catalogue: which books there are, from what many sources say. `claims` is their word; the rest decides."""
