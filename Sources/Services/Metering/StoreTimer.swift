import WireKit

/// Times one operation of a store, from its making to `end`. Without a meter it does nothing.
public struct StoreTimer: Sendable {
  private let meter: Meter?
  private let operation: StoreOperation
  private let start: ContinuousClock.Instant?

  public init(_ meter: Meter?, _ operation: StoreOperation) {
    self.meter = meter
    self.operation = operation
    start = meter == nil ? nil : .now
  }

  public func end(_ outcome: OperationOutcome) {
    guard let meter, let start else { return }
    meter.note(operation.rawValue, outcome, nanoseconds: start.duration(to: .now).wholeNanoseconds)
  }
}
