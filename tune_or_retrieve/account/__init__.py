"""What is at AWS and what it costs: doctor, estimate, resources, teardown. No stage depends on it."""
