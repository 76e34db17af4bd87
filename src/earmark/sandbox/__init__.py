"""Files from outside are read in processes of their own, which may do nothing else."""
