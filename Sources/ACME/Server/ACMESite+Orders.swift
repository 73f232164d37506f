import ACMECore
import HTTPCore
import Services

extension ACMESite {
  // MARK: Accounts (RFC 8555 §7.3)

  func newAccount(_ signed: SignedRequest, _ base: String) throws -> HTTPReply {
    guard case .key(let key) = signed.signer else { throw ACMEProblem("malformed", "a new account shows its key") }
    guard signed.isSigned(by: key) else {
      throw ACMEProblem("badSignatureAlgorithm", "sign by \(key.algorithm), with the key that is shown")
    }
    try takeNonce(signed)
    guard let payload = JSONValue(signed.payload), payload.isObject else {
      throw ACMEProblem("malformed", "the payload is no object")
    }
    if let present = book.account(of: key) {
      return reply(.ok, accountValue(present, base), location: "\(base)/account/\(present.id)", base: base)
    }
    guard payload["onlyReturnExisting"]?.bool != true else {
      throw ACMEProblem("accountDoesNotExist", "there is no account of this key")
    }
    try checkBinding(payload["externalAccountBinding"], key, base)
    let contacts = try contacts(payload["contact"])
    let account = try book.makeAccount(key, contacts: contacts, now: now)
    tell(.notice, "account made at the private authority", [.init("account", .string(account.id))])
    return reply(.created, accountValue(account, base), location: "\(base)/account/\(account.id)", base: base)
  }

  /// Whether the account is bound as it must be (§7.3.4).
  private func checkBinding(_ value: JSONValue?, _ key: JSONWebKey, _ base: String) throws {
    guard let binding = configuration.binding else { return }
    guard let value, let signed = SignedRequest(value.bytes), case .account(let keyID) = signed.signer,
      signed.nonce == nil, signed.url == "\(base)/new-account", keyID == binding.keyID,
      signed.isSigned(bySecret: binding.secret), let inner = JSONValue(signed.payload), JSONWebKey(inner) == key
    else {
      throw ACMEProblem("externalAccountRequired", "a new account must be bound to the one of this office", status: 403)
    }
  }

  private func contacts(_ value: JSONValue?) throws -> [String] {
    guard let value else { return [] }
    guard let contacts = value.strings, contacts.count <= 10,
      contacts.allSatisfy({ $0.utf8.count <= 256 && $0.unicodeScalars.allSatisfy { $0.value > 0x20 } })
    else { throw ACMEProblem("invalidContact", "contacts are a short list of URLs") }
    guard contacts.allSatisfy({ $0.hasPrefix("mailto:") }) else {
      throw ACMEProblem("unsupportedContact", "only mailto: is taken")
    }
    return contacts
  }

  func changeAccount(_ account: AccountRecord, _ payload: [UInt8], _ base: String) throws -> HTTPReply {
    guard !payload.isEmpty else { return reply(.ok, accountValue(account, base), base: base) }
    guard let value = JSONValue(payload), value.isObject else {
      throw ACMEProblem("malformed", "the payload is no object")
    }
    var changed = account
    if value["contact"] != nil { changed.contacts = try contacts(value["contact"]) }
    if value["status"]?.string == "deactivated" { changed.status = "deactivated" }
    if changed != account { try book.save(changed) }
    return reply(.ok, accountValue(changed, base), base: base)
  }

  private func accountValue(_ account: AccountRecord, _ base: String) -> JSONValue {
    [
      "status": .string(account.status), "contact": .array(account.contacts.map { .string($0) }),
      "orders": .string("\(base)/account/\(account.id)/orders"),
    ]
  }

  // MARK: Orders (§7.4)

  func newOrder(_ account: AccountRecord, _ payload: [UInt8], _ base: String) throws -> HTTPReply {
    guard let identifiers = JSONValue(payload)?["identifiers"]?.array, !identifiers.isEmpty,
      identifiers.count <= configuration.maximumNames
    else { throw ACMEProblem("malformed", "an order has 1 to \(configuration.maximumNames) identifiers") }
    var names: [String] = []
    for identifier in identifiers {
      guard identifier["type"]?.string == "dns", let text = identifier["value"]?.string?.lowercased() else {
        throw ACMEProblem("unsupportedIdentifier", "only names of type dns are issued")
      }
      guard configuration.permits(text) else {
        throw ACMEProblem("rejectedIdentifier", "this authority does not issue for that name", status: 403)
      }
      if !names.contains(text) { names.append(text) }
    }
    let order = try book.makeOrder(account, names: names, now: now)
    return reply(.created, orderValue(order, base), location: "\(base)/order/\(order.id)", base: base)
  }

  func orderValue(_ order: OrderRecord, _ base: String) -> JSONValue {
    var fields: [String: JSONValue] = [
      "status": .string(order.status(at: now)), "expires": .string(TimeText.text(order.expires)),
      "identifiers": .array(order.names.map { ["type": "dns", "value": .string($0)] }),
      "authorizations": .array(order.authorizations.map { .string("\(base)/authorization/\(order.id)/\($0.id)") }),
      "finalize": .string("\(base)/order/\(order.id)/finalize"),
    ]
    if order.certificate != nil { fields["certificate"] = .string("\(base)/certificate/\(order.id)") }
    if let problem = order.problem { fields["error"] = ACMEProblem(problem[0], problem[1], status: 500).value }
    return .object(fields)
  }

  // MARK: Authorizations and challenges (§7.5)

  func authorization(
    _ words: [String], _ account: AccountRecord, _ payload: [UInt8], _ base: String
  ) throws -> HTTPReply {
    var order = try order(words[1], account)
    guard order.authorizations.contains(where: { $0.id == words[2] }) else {
      throw ACMEProblem("malformed", "there is no such authorization", status: 404)
    }
    if JSONValue(payload)?["status"]?.string == "deactivated" {
      order = try book.change(order.id) { order in
        for index in order.authorizations.indices where order.authorizations[index].id == words[2] {
          order.authorizations[index].status = "deactivated"
        }
      }
    }
    guard let authorization = order.authorizations.first(where: { $0.id == words[2] }) else {
      throw ACMEProblem("malformed", "there is no such authorization", status: 404)
    }
    let isOver = now >= order.expires && authorization.status == "pending"
    // "processing" is a state of challenges only.
    let status = isOver ? "expired" : authorization.status == "processing" ? "pending" : authorization.status
    return reply(
      .ok,
      [
        "identifier": ["type": "dns", "value": .string(authorization.name)], "status": .string(status),
        "expires": .string(TimeText.text(order.expires)),
        "challenges": [challengeValue(authorization, order, base)],
      ], base: base)
  }

  private func challengeValue(
    _ authorization: OrderRecord.Authorization, _ order: OrderRecord, _ base: String
  ) -> JSONValue {
    var fields: [String: JSONValue] = [
      "type": "http-01", "url": .string("\(base)/challenge/\(order.id)/\(authorization.id)"),
      "token": .string(authorization.token),
      "status": .string(authorization.status == "deactivated" ? "invalid" : authorization.status),
    ]
    if let time = authorization.validated { fields["validated"] = .string(TimeText.text(time)) }
    if let problem = authorization.problem {
      fields["error"] = ACMEProblem(problem[0], problem[1], status: 403).value
    }
    return .object(fields)
  }

  /// The client is ready: looks, and goes on looking while the client asks how it stands.
  func challenge(
    _ words: [String], _ account: AccountRecord, _ key: JSONWebKey, _ payload: [UInt8], _ base: String
  ) throws -> HTTPReply {
    let id = words[2]
    var starts = false
    let order = try book.change(try order(words[1], account).id) { order in
      guard let index = order.authorizations.firstIndex(where: { $0.id == id }) else {
        throw ACMEProblem("malformed", "there is no such challenge", status: 404)
      }
      // Without a payload it is only asked for (§6.3).
      guard !payload.isEmpty, order.authorizations[index].status == "pending", self.now < order.expires else { return }
      order.authorizations[index].status = "processing"
      starts = true
    }
    guard let authorization = order.authorizations.first(where: { $0.id == id }) else {
      throw ACMEProblem("malformed", "there is no such challenge", status: 404)
    }
    if starts { validate(order.id, authorization, key) }
    var reply = reply(.ok, challengeValue(authorization, order, base), base: base)
    reply.fields.append(.link, "<\(base)/authorization/\(order.id)/\(id)>;rel=\"up\"")
    return reply
  }

  private func validate(_ order: String, _ authorization: OrderRecord.Authorization, _ key: JSONWebKey) {
    Task { [self] in
      let expected = key.keyAuthorization(authorization.token)
      var problem: ACMEProblem?
      // Three times: what was put in place just now may take a moment to be seen.
      for attempt in 0..<3 {
        do throws(ACMEProblem) {
          try await validator.validate(
            name: authorization.name, token: authorization.token, expected: expected,
            port: configuration.validationPort)
          problem = nil
          break
        } catch {
          problem = error
          if attempt < 2 { try? await Task.sleep(for: .seconds(2)) }
        }
      }
      let (finding, time) = (problem, now)
      _ = try? await Self.blocking {
        try self.book.change(order) { order in
          for index in order.authorizations.indices where order.authorizations[index].id == authorization.id {
            order.authorizations[index].status = finding == nil ? "valid" : "invalid"
            order.authorizations[index].validated = finding == nil ? time : nil
            order.authorizations[index].problem = finding.map { [$0.type, $0.detail] }
          }
        }
      }
    }
  }
}
