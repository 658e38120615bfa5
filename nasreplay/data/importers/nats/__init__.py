"""Official NATS-Bench archives: read, converted, verified."""
