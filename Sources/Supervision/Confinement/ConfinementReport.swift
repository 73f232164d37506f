/// What is in force after `Confinement.apply()`, for `portside status`.
public struct ConfinementReport: Hashable, Sendable, CustomStringConvertible {
  /// Such as `landlock abi 7: 3 read, 2 write`.
  public var inForce: [String] = []
  /// What was asked for and is not in force, with the reason.
  public var refused: [String] = []

  /// `user nobody; no_new_privs; capabilities: none; landlock abi 7: 3 read, 2 write; seccomp: yes`, and behind
  /// `; refused: ` what the kernel would not do.
  public var description: String {
    let applied = inForce.joined(separator: "; ")
    return refused.isEmpty ? applied : applied + "; refused: " + refused.joined(separator: ", ")
  }
}
