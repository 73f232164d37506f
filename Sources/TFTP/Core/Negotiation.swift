/// Options between client and server (RFC 2347): the client asks, the server grants, lowers or leaves out.
public enum Negotiation {
  /// What a server grants.
  /// - Parameter fileSize: For a read, the file's size in bytes, when it is known as it will travel.
  /// - Returns: The parameters, and the options of the OACK; with none, the transfer starts without one.
  public static func grant(
    _ request: Request, fileSize: UInt64?, limits: Limits
  ) -> (parameters: TransferParameters, granted: [TransferOption]) {
    var parameters = TransferParameters()
    var granted: [TransferOption] = []
    for option in request.options {
      guard let value = number(option.value) else { continue }
      switch option.name {
      case "blksize" where (8...65_464).contains(value):
        parameters.blockSize = min(Int(value), max(8, min(limits.maximumBlockSize, 65_464)))
        granted.append(TransferOption("blksize", UInt64(parameters.blockSize)))
      case "windowsize" where (1...65_535).contains(value):
        parameters.windowSize = min(Int(value), max(1, limits.maximumWindowSize))
        granted.append(TransferOption("windowsize", UInt64(parameters.windowSize)))
      case "timeout" where (1...255).contains(value):
        parameters.timeout = .seconds(Int64(value))
        granted.append(option)
      case "tsize":
        if request.direction == .write {
          parameters.transferSize = value
          granted.append(option)
        } else if let fileSize {
          parameters.transferSize = fileSize
          granted.append(TransferOption("tsize", fileSize))
        }
      default: continue
      }
    }
    let fitting = max(1, limits.maximumWindowBytes / max(1, parameters.blockSize))
    if parameters.windowSize > fitting, let index = granted.firstIndex(where: { $0.name == "windowsize" }) {
      parameters.windowSize = fitting
      granted[index] = TransferOption("windowsize", UInt64(fitting))
    }
    return (parameters, granted)
  }

  /// What a client takes from the server's OACK. An option that was not asked for, or a value beyond what was asked for,
  /// ends the transfer with error 8 (RFC 2347 §4).
  public static func accept(
    _ granted: [TransferOption], asked: Request
  ) throws(TransferFailure) -> TransferParameters {
    var parameters = TransferParameters()
    for option in granted {
      guard let mine = asked.options.first(where: { $0.name == option.name }), let value = number(option.value),
        let asked = number(mine.value)
      else { throw TransferFailure(.optionsRefused, "option \(option.name) was not asked for or is no number") }
      switch option.name {
      case "blksize" where value >= 8 && value <= asked: parameters.blockSize = Int(value)
      case "windowsize" where value >= 1 && value <= asked: parameters.windowSize = Int(value)
      case "timeout" where value == asked: parameters.timeout = .seconds(Int64(value))
      case "tsize": parameters.transferSize = value
      default: throw TransferFailure(.optionsRefused, "\(option.name) \(option.value) is not what was asked for")
      }
    }
    return parameters
  }

  /// A decimal number without sign, as the options have them.
  static func number(_ text: String) -> UInt64? {
    guard (1...20).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt64(text)
  }
}
