import Foundation

/// A server's namespace and a client's with a bad cable between them: frames get lost, come twice, late, and in another order.
///
/// What `tc netem` does, by a program of our own in a third namespace, as not every kernel has netem.
public final class BadCable {
  public let server: String
  public let client: String
  /// Not that of other tests: dhcpcd knows its like by the interface's name, in whatever namespace.
  public let interface = "bad0"
  private let middle: String
  private let cable: Child

  /// - Parameters:
  ///   - loss: How many of a hundred frames are lost, each way.
  ///   - twice: How many come twice.
  ///   - late: How many are held back by up to 30 ms, and so overtaken.
  public init(in scratch: Scratch, loss: Int = 10, twice: Int = 10, late: Int = 25) throws {
    let tag = String(UUID().uuidString.prefix(6)).lowercased()
    (server, client, middle) = ("dhcp-\(tag)-s", "dhcp-\(tag)-c", "dhcp-\(tag)-m")
    var commands = [server, client, middle].map { ["ip", "netns", "add", $0] }
    for (end, name) in [("left", server), ("right", client)] {
      commands += [
        ["ip", "link", "add", interface, "netns", name, "type", "veth", "peer", "name", end, "netns", middle],
        ["ip", "-n", name, "link", "set", interface, "up"], ["ip", "-n", name, "link", "set", "lo", "up"],
        ["ip", "-n", middle, "link", "set", end, "up"],
        // Frames that the kernel has not put the checksum into are of no use behind a raw socket.
        ["ip", "netns", "exec", name, "ethtool", "-K", interface, "tx", "off"],
      ]
    }
    commands.append(["ip", "-n", server, "address", "add", "10.9.0.1/24", "dev", interface])
    for words in commands {
      let result = try Command.run(words, seconds: 10)
      guard result.status == 0 else { throw PeerFailure("\(words.joined(separator: " ")): \(result.output)") }
    }
    let script = try scratch.put(Data(Self.program.utf8), "cable.py")
    cable = try Child(
      ["ip", "netns", "exec", middle, "python3", script, "\(loss)", "\(twice)", "\(late)"],
      output: "\(scratch.path)/cable.log")
  }

  deinit {
    cable.end(SIGKILL)
    for name in [server, client, middle] { Namespaces.remove(name) }
  }

  @discardableResult
  public func onClient(_ words: [String], seconds: Int = 60) throws -> (status: Int32, output: String) {
    try Command.run(["ip", "netns", "exec", client] + words, seconds: seconds)
  }

  private static let program = """
    import heapq, random, select, socket, sys, time
    loss, twice, late = (int(word) for word in sys.argv[1:4])
    random.seed(4)
    ends = []
    for name in ("left", "right"):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        end.bind((name, 0))
        ends.append(end)
    waiting = []
    number = 0
    while True:
        timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else 1
        for end in select.select(ends, [], [], timeout)[0]:
            frame, address = end.recvfrom(65535)
            if address[2] == 4 or random.randrange(100) < loss:
                continue
            for _ in range(2 if random.randrange(100) < twice else 1):
                delay = random.random() * 0.03 if random.randrange(100) < late else 0
                number += 1
                heapq.heappush(waiting, (time.monotonic() + delay, number, ends[1 - ends.index(end)], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            try:
                waiting[0][2].send(waiting[0][3])
            except OSError:
                pass
            heapq.heappop(waiting)

    """
}
