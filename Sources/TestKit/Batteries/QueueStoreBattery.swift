import Services

/// What every queue must do.
public enum QueueStoreBattery {
  private static let now = WallTime(seconds: 1_000)
  private static let later = WallTime(seconds: 2_000)

  private final class Body: MessageBody {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
    var size: Int64 { Int64(bytes.count) }
    var place: MessagePlace? { nil }
    func read(into memory: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StoreError) -> Int {
      guard offset < size else { return 0 }
      let part = bytes[Int(offset)...].prefix(memory.count)
      memory.copyBytes(from: part)
      return part.count
    }
  }

  private static func addition(
    _ addresses: [String] = ["bob@a.test"], sender: String = "ann@lab.test", due: WallTime = now, head: String = "head"
  ) -> QueueAddition {
    let recipients = addresses.map { address in
      QueuedRecipient(
        address: address, domain: String(address.split(separator: "@")[1]), original: "rfc822;\(address)", notify: 2,
        nextAttempt: due)
    }
    let message = QueuedMessage(
      sender: sender, created: now, expires: later, isEightBit: true, returns: "HDRS", envelopeID: "id",
      account: "ann@lab.test", recipients: recipients)
    return QueueAddition(message, head: Array(head.utf8), body: Body(Array("0123456789".utf8)), range: 2..<6)
  }

  private static func claims(_ store: any QueueStore, at time: WallTime = now, by owner: String = "one") async throws
    -> [QueueClaim]
  {
    try await store.claim(by: owner, now: time, until: time + .seconds(60), limit: 10)
  }

  private static func retry(_ claim: QueueClaim, at time: WallTime) -> [QueueResult] {
    claim.recipients.map {
      QueueResult(number: $0.number, state: .retry(at: time, isDelayTold: true), reply: "451 no", host: "mx")
    }
  }

  private static func done(_ claim: QueueClaim) -> [QueueResult] {
    claim.recipients.map { QueueResult(number: $0.number, state: .done, reply: "250 ok", host: "mx") }
  }

  public static let checks: [StoreCheck<any QueueStore>] = [
    StoreCheck("what is urgent goes first, and busy domains wait") { store in
      var late = addition(["bob@a.test"])
      late.message.priority = -3
      var soon = addition(["bob@b.test"])
      soon.message.priority = 4
      (soon.message.requiresTLS, soon.message.deliverBy, soon.message.deliverByMode) = (true, later, "RT")
      for addition in [late, addition(["bob@c.test"]), soon] { _ = try await store.add(addition) }
      let first = try await store.claim(by: "one", now: now, until: later, limit: 1, busy: [])
      try expectEqual(first.map(\.domain), ["b.test"])
      try expectEqual(first.first?.message.requiresTLS, true)
      try expectEqual(first.first?.message.deliverBy, later)
      try expectEqual(first.first?.message.deliverByMode, "RT")
      let rest = try await store.claim(by: "one", now: now, until: later, limit: 10, busy: ["a.test"])
      try expectEqual(rest.map(\.domain), ["c.test"])
      try expectEqual(try await claims(store).map(\.domain), ["a.test"])
    },
    StoreCheck("messages come back as they were added") { store in
      let id = try await store.add(addition(["bob@a.test", "eve@b.test"]))
      let found = try await store.message(id)
      try expectEqual(found?.sender, "ann@lab.test")
      try expectEqual(found?.recipients.map(\.address), ["bob@a.test", "eve@b.test"])
      try expectEqual(found?.recipients.map(\.number), [0, 1])
      try expectEqual(found?.recipients.first?.notify, 2)
      try expectEqual(found?.returns, "HDRS")
      try expectEqual(found?.size, 8)
      try expectEqual(try await store.count(), 1)
      let body = try await store.content(of: id)
      try expectEqual(String(decoding: try body.bytes(0..<100), as: UTF8.self), "head2345")
      try expectEqual(try await store.message(QueueID(id.number + 1)), nil)
      try await expectFailure(.notFound) { () throws(StoreError) in
        try await store.content(of: QueueID(id.number + 1)).size
      }
    },
    StoreCheck("long content comes back, from any offset") { store in
      let head = String(repeating: "x", count: 300_000) + String(repeating: "y", count: 300_000)
      let id = try await store.add(addition(head: head))
      let body = try await store.content(of: id)
      try expectEqual(body.size, 600_004)
      try expectEqual(
        String(decoding: try body.bytes(299_998..<300_002), as: UTF8.self), "xxyy")
      try expectEqual(try body.bytes(0..<body.size).count, 600_004)
      try expectEqual(String(decoding: try body.bytes(600_000..<600_010), as: UTF8.self), "2345")
    },
    StoreCheck("a claim takes one domain of one message, and nobody else gets it") { store in
      let id = try await store.add(addition(["bob@a.test", "eve@b.test", "joe@a.test"]))
      let claims = try await Self.claims(store)
      try expectEqual(claims.map(\.domain).sorted(), ["a.test", "b.test"])
      let first = claims.first { $0.domain == "a.test" }
      try expectEqual(first?.recipients.map(\.address), ["bob@a.test", "joe@a.test"])
      try expectEqual(first?.message.id, id)
      try expectEqual(try await Self.claims(store, by: "two"), [])
      // Once it has run out, another may have it, and the first is refused.
      let again = try await Self.claims(store, at: now + .seconds(61), by: "two")
      try expectEqual(again.count, 2)
      if let first {
        try await expectFailure(.conflict) { () throws(StoreError) in
          try await store.settle(first, done(first), notices: [])
        }
      }
      try expectEqual(try await store.message(id)?.recipients.count, 3)
    },
    StoreCheck("what is done goes, with the last the message") { store in
      let id = try await store.add(addition(["bob@a.test", "eve@b.test"]))
      let claims = try await Self.claims(store)
      try await store.settle(claims[0], done(claims[0]), notices: [])
      try expectEqual(try await store.message(id)?.recipients.count, 1)
      try await store.settle(claims[1], done(claims[1]), notices: [addition(sender: "")])
      try expectEqual(try await store.message(id), nil)
      try expectEqual(try await store.messages(after: nil, limit: 9).map(\.sender), [""])
    },
    StoreCheck("a retry waits, and remembers why") { store in
      let id = try await store.add(addition())
      let claim = try await Self.claims(store)[0]
      try await store.settle(claim, retry(claim, at: later), notices: [])
      let recipient = try await store.message(id)?.recipients.first
      try expectEqual(recipient?.attempts, 1)
      try expectEqual(recipient?.lastReply, "451 no")
      try expectEqual(recipient?.lastHost, "mx")
      try expectEqual(recipient?.isDelayTold, true)
      try expectEqual(try await Self.claims(store), [])
      try expectEqual(try await store.nextDue(), later)
      try await store.retry(id, now: now)
      let second = try await Self.claims(store)[0]
      let untried = [QueueResult(number: 0, state: .untried(until: later), reply: "", host: nil)]
      try await store.settle(second, untried, notices: [])
      try expectEqual(try await store.message(id)?.recipients.first?.attempts, 1)
      try await store.retry(nil, now: now)
      try expectEqual(try await Self.claims(store).count, 1)
    },
    StoreCheck("what is held is not tried, what is dropped is gone") { store in
      let id = try await store.add(addition())
      try await store.hold(id, true)
      try expectEqual(try await Self.claims(store), [])
      try expectEqual(try await store.nextDue(), nil)
      try await store.hold(id, false)
      try expectEqual(try await Self.claims(store).count, 1)
      try await store.drop(id)
      try expectEqual(try await store.count(), 0)
      try await expectFailure(.notFound) { () throws(StoreError) in try await store.drop(id) }
      try await expectFailure(.notFound) { () throws(StoreError) in try await store.hold(id, true) }
      try await expectFailure(.notFound) { () throws(StoreError) in try await store.retry(id, now: now) }
      let next = try await store.add(addition())
      try expect(next > id, "a number was used again")
    },
    StoreCheck(breaking: "a store that is gone says so") { store, breakStore in
      _ = try await store.add(addition())
      try await breakStore(.unavailable)
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.count() }
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.add(addition()) }
    },
  ]
}
