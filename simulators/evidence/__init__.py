"""What honest machines and cheats leave behind, drawn hour by hour from a seed."""
