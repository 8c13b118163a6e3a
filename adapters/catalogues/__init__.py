"""One adapter per source of catalogue data. Each passes on claims (`domain.catalogue.claims`) and decides nothing."""
