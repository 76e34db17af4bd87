"""The system of Balke et al. (ISMIR 2019), whole: its seven networks, recipe, tables and figures."""
