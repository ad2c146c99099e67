"""One model, millions of independent fits."""
