import IMAPCore
import MessageCore
import Services

/// THREAD's algorithms (RFC 5256 §3).
enum Threading {
  /// What of a message they look at.
  struct Message {
    var uid: UID
    /// Seconds; the Date field's, or INTERNALDATE.
    var sent: Int64
    var id: String?
    var references: [String]
    var baseSubject: String
    var isReply: Bool

    init(_ message: MailMessage, _ digest: MessageDigest?) {
      uid = message.uid
      sent = digest?.sent?.seconds ?? message.internalSeconds
      id = digest?.messageID
      references = digest?.references ?? []
      baseSubject = digest?.baseSubject.lowercased() ?? ""
      isReply = digest?.isReply ?? false
    }
  }

  static func threads(_ messages: [Message], by algorithm: ThreadAlgorithm) -> [MessageThread] {
    switch algorithm {
    case .orderedSubject: orderedSubject(messages)
    case .references: ReferenceTree(messages).threads(mergesSubjects: true, byLatest: false)
    case .refs: ReferenceTree(messages).threads(mergesSubjects: false, byLatest: true)
    }
  }

  /// Groups of one base subject, by date; the first message has all others as its children.
  private static func orderedSubject(_ messages: [Message]) -> [MessageThread] {
    var groups: [String: [Message]] = [:]
    for message in messages { groups[message.baseSubject, default: []].append(message) }
    let sorted = groups.values.map { $0.sorted { ($0.sent, $0.uid) < ($1.sent, $1.uid) } }
      .sorted { left, right in
        guard let one = left.first, let two = right.first else { return false }
        return (one.sent, one.uid) < (two.sent, two.uid)
      }
    return sorted.compactMap { group in
      guard let first = group.first else { return nil }
      return MessageThread(uid: first.uid, children: group.dropFirst().map { MessageThread(uid: $0.uid) })
    }
  }
}

/// Messages linked by what they refer to (RFC 5256 §3, REFERENCES).
///
/// Nodes are numbers into arrays and every walk is a loop: how long a chain of answers is, the senders decide. Trees are cut at a depth
/// that a client can follow.
struct ReferenceTree {
  private struct Node {
    var message: Threading.Message?
    var parent: Int?
    var children: [Int] = []
  }

  /// Deeper answers stand beside those at this depth.
  private static let maximumDepth = 200

  private var nodes: [Node] = []
  private var byID: [String: Int] = [:]

  init(_ messages: [Threading.Message]) {
    for message in messages { add(message) }
  }

  private mutating func node(_ id: String) -> Int {
    if let found = byID[id] { return found }
    nodes.append(Node())
    byID[id] = nodes.count - 1
    return nodes.count - 1
  }

  private mutating func add(_ message: Threading.Message) {
    var index: Int
    if let id = message.id, nodes[safe: byID[id]]?.message == nil {
      index = node(id)
    } else {
      // Without an id, or with one that another message has: it stands for itself.
      nodes.append(Node())
      index = nodes.count - 1
    }
    nodes[index].message = message
    var previous: Int?
    for reference in message.references {
      let next = node(reference)
      if let previous, nodes[next].parent == nil, !isAncestor(next, of: previous), next != previous {
        link(next, to: previous)
      }
      previous = next
    }
    guard let parent = previous, parent != index, !isAncestor(index, of: parent) else { return }
    if nodes[index].parent != nil { unlink(index) }
    link(index, to: parent)
  }

  private mutating func link(_ child: Int, to parent: Int) {
    nodes[child].parent = parent
    nodes[parent].children.append(child)
  }

  private mutating func unlink(_ child: Int) {
    guard let parent = nodes[child].parent else { return }
    nodes[parent].children.removeAll { $0 == child }
    nodes[child].parent = nil
  }

  private func isAncestor(_ candidate: Int, of node: Int) -> Bool {
    var current: Int? = node
    while let index = current {
      if index == candidate { return true }
      current = nodes[index].parent
    }
    return false
  }

  // MARK: Out of it

  func threads(mergesSubjects: Bool, byLatest: Bool) -> [MessageThread] {
    var roots = nodes.indices.filter { nodes[$0].parent == nil }.flatMap { build($0) }
    if mergesSubjects { roots = merged(roots) }
    return sorted(roots, byLatest: byLatest).map(\.thread)
  }

  /// A tree under construction, with what orders it.
  private struct Branch {
    var thread: MessageThread
    var sent: Int64
    var latest: Int64
    var subject: String
    var isReply: Bool
    var depth: Int
  }

  /// The tree under a node. Nodes without a message give way to their children; at the top several become siblings.
  private func build(_ root: Int) -> [Branch] {
    // Children before parents.
    var order: [Int] = []
    var stack = [root]
    while let index = stack.popLast() {
      order.append(index)
      stack += nodes[index].children
    }
    var built: [Int: [Branch]] = [:]
    for index in order.reversed() {
      let children = sorted(nodes[index].children.flatMap { built.removeValue(forKey: $0) ?? [] }, byLatest: false)
      if let message = nodes[index].message {
        built[index] = [branch(message, children)]
      } else if index == root, children.count > 1 {
        built[index] = [holder(children)]
      } else {
        built[index] = children
      }
    }
    return built[root] ?? []
  }

  private func branch(_ message: Threading.Message, _ children: [Branch]) -> Branch {
    let depth = children.map(\.depth).max() ?? 0
    var threads = children.map(\.thread)
    if depth >= Self.maximumDepth { threads = threads.flatMap { [MessageThread(uid: $0.uid)] + $0.children } }
    return Branch(
      thread: MessageThread(uid: message.uid, children: threads), sent: message.sent,
      latest: max(message.sent, children.map(\.latest).max() ?? .min), subject: message.baseSubject,
      isReply: message.isReply, depth: depth >= Self.maximumDepth ? depth : depth + 1)
  }

  /// Siblings whose parent is missing.
  private func holder(_ children: [Branch]) -> Branch {
    Branch(
      thread: MessageThread(uid: nil, children: children.map(\.thread)), sent: children.first?.sent ?? 0,
      latest: children.map(\.latest).max() ?? 0, subject: children.first?.subject ?? "",
      isReply: children.first?.isReply ?? false, depth: (children.map(\.depth).max() ?? 0) + 1)
  }

  private func sorted(_ branches: [Branch], byLatest: Bool) -> [Branch] {
    branches.sorted { left, right in
      let (one, two) = byLatest ? (left.latest, right.latest) : (left.sent, right.sent)
      return one == two ? (left.thread.firstUID ?? 0) < (right.thread.firstUID ?? 0) : one < two
    }
  }

  /// Threads of one base subject become one (step 5): answers go under what they answer, others beside each other.
  private func merged(_ roots: [Branch]) -> [Branch] {
    var result: [Branch] = []
    var bySubject: [String: Int] = [:]
    for root in sorted(roots, byLatest: false) {
      guard !root.subject.isEmpty, let index = bySubject[root.subject] else {
        if !root.subject.isEmpty { bySubject[root.subject] = result.count }
        result.append(root)
        continue
      }
      result[index] = combine(result[index], root)
    }
    return result
  }

  private func combine(_ first: Branch, _ second: Branch) -> Branch {
    var (first, second) = (first, second)
    if first.isReply, !second.isReply { swap(&first, &second) }
    if first.thread.uid == nil || (!first.isReply && second.isReply) {
      first.thread.children += second.thread.uid == nil ? second.thread.children : [second.thread]
      first.latest = max(first.latest, second.latest)
      first.depth = max(first.depth, second.depth + 1)
      return first
    }
    return holder([first, second])
  }
}

extension MessageThread {
  /// The UID that stands first.
  fileprivate var firstUID: UID? {
    var node = self
    while node.uid == nil, let child = node.children.first { node = child }
    return node.uid
  }
}

extension Array {
  fileprivate subscript(safe index: Int?) -> Element? {
    guard let index, indices.contains(index) else { return nil }
    return self[index]
  }
}
