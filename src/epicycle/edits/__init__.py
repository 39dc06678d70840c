"""What a fork changes at its moment: knobs, other fields, data, parameters, the state of the optimiser."""
