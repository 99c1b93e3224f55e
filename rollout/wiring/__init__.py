"""Which implementation stands behind which port? The only place that imports adapters and webhooks."""
