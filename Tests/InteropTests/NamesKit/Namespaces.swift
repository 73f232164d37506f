import Foundation

/// Two network namespaces with a cable between them: a server's with 10.9.0.1, and a client's without any address.
public final class NamespacePair {
  public let server: String
  public let client: String
  /// The interface in each of the namespaces.
  public let interface = "lan0"

  public init() throws {
    let tag = String(UUID().uuidString.prefix(6)).lowercased()
    server = "dhcp-\(tag)-s"
    client = "dhcp-\(tag)-c"
    for words in [
      ["ip", "netns", "add", server], ["ip", "netns", "add", client],
      ["ip", "link", "add", interface, "netns", server, "type", "veth", "peer", "name", interface, "netns", client],
      ["ip", "-n", server, "address", "add", "10.9.0.1/24", "dev", interface],
      ["ip", "-n", server, "link", "set", interface, "up"], ["ip", "-n", server, "link", "set", "lo", "up"],
      ["ip", "-n", client, "link", "set", interface, "up"], ["ip", "-n", client, "link", "set", "lo", "up"],
    ] {
      let result = try Command.run(words)
      guard result.status == 0 else { throw PeerFailure("\(words.joined(separator: " ")): \(result.output)") }
    }
  }

  deinit {
    for name in [server, client] { Namespaces.remove(name) }
  }

  /// Runs a program in the client's namespace.
  @discardableResult
  public func onClient(_ words: [String], seconds: Int = 60) throws -> (status: Int32, output: String) {
    try Command.run(["ip", "netns", "exec", client] + words, seconds: seconds)
  }

  /// The client's IPv4 addresses.
  public func addresses() throws -> [String] {
    let output = try onClient(["ip", "-4", "-o", "address", "show", "dev", interface]).output
    return output.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      return words.firstIndex(of: "inet").map { String(words[$0 + 1].prefix { $0 != "/" }) }
    }
  }
}

/// What all of them share.
enum Namespaces {
  /// Ends whatever still runs in a namespace of ours, as clients go into the background and stay there; then removes it.
  static func remove(_ name: String) {
    let pids = (try? Command.run(["ip", "netns", "pids", name], seconds: 10))?.output ?? ""
    for line in pids.split(separator: "\n") { if let pid = pid_t(line) { kill(pid, SIGKILL) } }
    _ = try? Command.run(["ip", "netns", "delete", name], seconds: 10)
  }
}
