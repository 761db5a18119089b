"""What every package stands on: database, clock, money, errors, web helpers, embedded servers, audit."""
