import Files
import SFTPCore
import SFTPServer
import Services

extension FuzzTarget {
  static let sftp = FuzzTarget(
    "sftp", "Each packet that is whole is taken, each gets one answer, and answers stay small in an empty store."
  ) { bytes in
    let store = JoinedFileStore(root: nil, mounts: [:])
    var service = SFTPService(store: store, home: FilePath(), limits: SFTPLimits(), report: { _ in })
    var output = SFTPOutput()
    let hello: [UInt8] = [0, 0, 0, 5, 1, 0, 0, 0, 3]
    var rest = (hello + bytes)[...]
    while !rest.isEmpty {
      let input = Array(rest)
      guard let count = try? service.process(input.span.bytes, into: &output), count > 0 else { break }
      try require(count <= input.count, "took \(count) of \(input.count)")
      rest = rest.dropFirst(count)
    }
    try require(output.count <= 4_096 + 64 * bytes.count, "\(output.count) bytes of answers")
  }

  /// The first line is the command, the rest what the client says.
  static let scp = FuzzTarget(
    "scp", "Whatever a client of scp says, no more is taken than there is, and answers stay small in an empty store."
  ) { bytes in
    let line = bytes.prefix { $0 != 0x0A }
    guard let command = SCPCommand(Array(line)) else { return }
    let files = SCPFiles(store: JoinedFileStore(root: nil, mounts: [:]), home: FilePath(), report: { _ in })
    var service: any BlockingService =
      command.direction == .toServer ? SCPSink(command, files) : SCPSource(command, files, highWater: 1 << 20)
    var output = SFTPOutput()
    var rest = bytes.dropFirst(line.count + 1)
    while service.exit == nil {
      let input = Array(rest)
      guard let count = try? service.process(input.span.bytes, into: &output) else { return }
      try require(count <= input.count, "took \(count) of \(input.count)")
      rest = rest.dropFirst(count)
      if count == 0, !service.hasMore { break }
      try require(output.count <= 4_096 + 8_192 * (bytes.count + 1), "\(output.count) bytes of answers")
    }
  }
}
