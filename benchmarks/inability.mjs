// What if a library has no such thing at all? That is a finding about the library, not a failure of the measurement.

export class Inability extends Error {
  name = "Inability";
}
