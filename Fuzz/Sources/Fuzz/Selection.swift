import FuzzTargets

/// The target that the first argument names. The fuzzer's callback is a C function and carries no context, so it finds
/// the target here.
enum Selection {
  static let target: FuzzTarget? = CommandLine.arguments.dropFirst().first.flatMap(FuzzTarget.named)

  /// The fuzzer's callback: one input through the target. libFuzzer saves the input of a run that traps.
  static func run(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    do {
      try target?.run([UInt8](UnsafeBufferPointer(start: data, count: size)))
    } catch {
      fatalError("\(error)")
    }
    return 0
  }
}
