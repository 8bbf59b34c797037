"""What every part of Jieru agrees on: settings, database, wire contract, civil calendar."""
