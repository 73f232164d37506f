import SSHCore
import Services
import Synchronization

/// Says a few words and ends: what stands for a program that this account or this server does not have.
public final class TextProgram: SessionProgram {
  private let words: Mutex<[UInt8]?>
  private let status: UInt32

  /// - Parameters:
  ///   - text: Lines; with a terminal they end with CR LF.
  ///   - status: The exit status.
  public init(_ text: String, hasTerminal: Bool, status: UInt32 = 1) {
    let end = hasTerminal ? "\r\n" : "\n"
    words = Mutex(Array(text.split(separator: "\n").map { $0 + end }.joined().utf8))
    self.status = status
  }

  public func takeInput(_ bytes: [UInt8]) -> Bool { true }
  public func input(_ bytes: [UInt8]) async {}
  public func inputEnd() {}

  public func availableOutput(maximum: Int) -> ProgramOutput? {
    words.withLock { words in
      guard let all = words, !all.isEmpty else { return .ended(.code(status)) }
      words = Array(all.dropFirst(maximum))
      return .errorBytes(Array(all.prefix(maximum)))
    }
  }

  public func output(maximum: Int) async -> ProgramOutput { availableOutput(maximum: maximum) ?? .ended(.code(status)) }
  public func close() {}
}
