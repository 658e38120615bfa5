"""How weights descend: the schedules of the learning rate, and the optimizers, that recipes name."""
