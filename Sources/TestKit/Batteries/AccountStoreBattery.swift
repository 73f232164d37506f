import Services
import WireKit

/// What every store of accounts must do.
public enum AccountStoreBattery {
  public static let checks: [StoreCheck<any AccountStore>] = directory + proofs + faults

  private static func ann(_ change: (inout Account) -> Void = { _ in }) -> Account {
    var account = Account(
      name: "ann@lab.test", displayName: "Ann Ünal", addresses: ["info@lab.test", "a@lab.test"],
      roles: ["staff", "admin"], groups: ["office"], quotaBytes: 5_000_000_000,
      expires: WallTime(seconds: 2_000_000_000),
      created: WallTime(seconds: 1_700_000_000))
    change(&account)
    return account
  }

  private static func plain(_ name: String) -> Account { Account(name: name, created: WallTime(seconds: 1)) }

  private static let directory: [StoreCheck<any AccountStore>] = [
    StoreCheck("an account comes back as it was stored, by id, name and address") { store in
      let created = try await store.create(ann())
      try expect(created.id.number > 0 && created.revision > 0, "no id or revision was given")
      try expectEqual(ann { ($0.id, $0.revision) = (created.id, created.revision) }, created)
      try expectEqual(try await store.account(created.id), created)
      try expectEqual(try await store.account(named: "ann@lab.test"), created)
      try expectEqual(try await store.account(named: "info@lab.test"), nil)
      for address in ["ann@lab.test", "info@lab.test", "a@lab.test"] {
        try expectEqual(try await store.account(withAddress: address), created)
      }
      try expectEqual(try await store.account(withAddress: "bob@lab.test"), nil)
      try expectEqual(try await store.account(AccountID(0)), nil)
    },
    StoreCheck("a name or address belongs to one account") { store in
      let created = try await store.create(ann())
      let bob = try await store.create(plain("bob@lab.test"))
      for name in ["ann@lab.test", "info@lab.test"] {
        try await expectFailure(.conflict) { () throws(StoreError) in try await store.create(plain(name)) }
        var other = plain("carl@lab.test")
        other.addresses = [name]
        let wanted = other
        try await expectFailure(.conflict) { () throws(StoreError) in try await store.create(wanted) }
        var changed = bob
        changed.addresses = [name]
        let update = changed
        try await expectFailure(.conflict) { () throws(StoreError) in try await store.update(update) }
      }
      try expectEqual(try await store.account(bob.id), bob)
      try expectEqual(try await store.account(named: "carl@lab.test"), nil)
      try await store.delete(created.id)
      _ = try await store.create(plain("info@lab.test"))
    },
    StoreCheck("an update replaces everything, and one from an old revision is a conflict") { store in
      let created = try await store.create(ann())
      var changed = created
      changed.name = "anna@lab.test"
      changed.addresses = ["a@lab.test", "ann@lab.test"]
      (changed.roles, changed.groups, changed.quotaBytes, changed.expires) = ([], ["x", "y"], nil, nil)
      (changed.isDisabled, changed.displayName) = (true, "")
      let wanted = changed
      let updated = try await store.update(wanted)
      try expect(updated.revision > created.revision, "the revision did not rise")
      changed.revision = updated.revision
      try expectEqual(updated, changed)
      try expectEqual(try await store.account(withAddress: "ann@lab.test"), changed)
      try expectEqual(try await store.account(withAddress: "info@lab.test"), nil)
      try await expectFailure(.conflict) { () throws(StoreError) in try await store.update(created) }
      try expectEqual(try await store.account(created.id), changed)
      var gone = updated
      gone.id = AccountID(updated.id.number + 1000)
      let missing = gone
      try await expectFailure(.notFound) { () throws(StoreError) in try await store.update(missing) }
    },
    StoreCheck("a listing is paged by the bytes of the names, and filtered") { store in
      for (index, name) in ["b_1@x", "b-1@x", "a@x", "b1@x", "c@x"].enumerated() {
        var account = plain(name)
        account.displayName = index == 4 ? "The PRINTER" : ""
        account.roles = index % 2 == 0 ? ["staff"] : ["guest"]
        account.groups = index == 1 ? ["lab"] : []
        account.isDisabled = index == 3
        _ = try await store.create(account)
      }
      let names = { (filter: AccountFilter, after: String?, limit: Int) async throws(StoreError) in
        try await store.accounts(matching: filter, after: after, limit: limit).map(\.name)
      }
      let sorted = ["a@x", "b-1@x", "b1@x", "b_1@x", "c@x"]
      try expectEqual(try await names(AccountFilter(), nil, 10), sorted)
      try expectEqual(try await names(AccountFilter(), nil, 2), ["a@x", "b-1@x"])
      try expectEqual(try await names(AccountFilter(), "b-1@x", 2), ["b1@x", "b_1@x"])
      try expectEqual(try await names(AccountFilter(), "c@x", 2), [])
      try expectEqual(try await names(AccountFilter(), nil, -1), [])
      try expectEqual(try await names(AccountFilter(text: "B"), nil, 10), ["b-1@x", "b1@x", "b_1@x"])
      try expectEqual(try await names(AccountFilter(text: "printer"), nil, 10), ["c@x"])
      try expectEqual(try await names(AccountFilter(text: "b_"), nil, 10), ["b_1@x"])
      try expectEqual(try await names(AccountFilter(text: "%"), nil, 10), [])
      try expectEqual(try await names(AccountFilter(role: "staff"), nil, 10), ["a@x", "b_1@x", "c@x"])
      try expectEqual(try await names(AccountFilter(group: "lab"), nil, 10), ["b-1@x"])
      try expectEqual(try await names(AccountFilter(isDisabled: true), nil, 10), ["b1@x"])
    },
    StoreCheck("what is removed is gone with all that belongs to it, and its id is not used again") { store in
      let created = try await store.create(ann())
      try await store.setPasswordVerifiers(verifiers, of: created.id)
      _ = try await store.addKey(key(1), to: created.id)
      try await store.setTOTP(TOTPState(sealedSecret: Secret("s")), of: created.id)
      try await store.setDesktopSecret(Secret([1, 0, 2]), of: created.id)
      try expectEqual(try await store.desktopSecret(of: created.id), Secret([1, 0, 2]))
      try await store.delete(created.id)
      try expectEqual(try await store.account(created.id), nil)
      try await expectFailure(.notFound) { () throws(StoreError) in try await store.delete(created.id) }
      let again = try await store.create(ann())
      try expect(again.id != created.id, "the id was used again")
      try expectEqual(try await store.passwordVerifiers(of: again.id), nil)
      try expectEqual(try await store.keys(of: again.id), [])
      try expectEqual(try await store.totp(of: again.id), nil)
      try expectEqual(try await store.desktopSecret(of: again.id), nil)
    },
    StoreCheck("a log-in is noted in whole seconds, and does not disturb an update") { store in
      let created = try await store.create(ann())
      try await store.noteLogIn(of: created.id, at: WallTime(seconds: 1_800_000_000, nanoseconds: 5))
      try expectEqual(try await store.account(created.id)?.lastLogIn, WallTime(seconds: 1_800_000_000))
      let updated = try await store.update(created)
      try expectEqual(updated.lastLogIn, WallTime(seconds: 1_800_000_000))
      try await store.noteLogIn(of: AccountID(999), at: WallTime(seconds: 1))
    },
  ]

  private static let verifiers = PasswordVerifiers(
    hash: Secret("$argon2id$…"), scram: Secret([0, 1, 2, 255]), changed: WallTime(seconds: 1_700_000_001))

  private static func key(_ number: UInt8) -> AuthorizedKey {
    AuthorizedKey(
      blob: [0, 0, number, 255], options: "from=\"10.0.0.0/8\",restrict", comment: "ann@näher",
      created: WallTime(seconds: 1_700_000_002))
  }

  private static func appPassword(_ label: String) -> AppPassword {
    AppPassword(
      label: label, hash: Secret([9, 0, 9]), services: [.imap, .imaps],
      networks: ["10.0.0.0/8", "fd00::/8"].compactMap { IPNetwork($0) }, expires: WallTime(seconds: 1_900_000_000),
      created: WallTime(seconds: 1_700_000_003))
  }

  private static let proofs: [StoreCheck<any AccountStore>] = [
    StoreCheck("password verifiers are set, replaced and taken away") { store in
      let id = try await store.create(ann()).id
      try expectEqual(try await store.passwordVerifiers(of: id), nil)
      try await store.setPasswordVerifiers(verifiers, of: id)
      try expectEqual(try await store.passwordVerifiers(of: id), verifiers)
      var other = verifiers
      (other.hash, other.scram) = (Secret("other"), nil)
      try await store.setPasswordVerifiers(other, of: id)
      try expectEqual(try await store.passwordVerifiers(of: id), other)
      try await store.setPasswordVerifiers(nil, of: id)
      try expectEqual(try await store.passwordVerifiers(of: id), nil)
      try await expectFailure(.notFound) { () throws(StoreError) in
        try await store.setPasswordVerifiers(verifiers, of: AccountID(999))
      }
    },
    StoreCheck("keys are added in order, noted and removed") { store in
      let id = try await store.create(ann()).id
      let other = try await store.create(plain("bob@lab.test")).id
      let first = try await store.addKey(key(1), to: id)
      let second = try await store.addKey(key(2), to: id)
      try expect(first.id != second.id, "two keys have one id")
      try expectEqual(try await store.keys(of: id), [first, second])
      try await expectFailure(.conflict) { () throws(StoreError) in try await store.addKey(key(1), to: id) }
      _ = try await store.addKey(key(1), to: other)
      try await expectFailure(.notFound) { () throws(StoreError) in try await store.addKey(key(3), to: AccountID(999)) }
      try await store.noteKeyUse(second.id, at: WallTime(seconds: 7))
      try expectEqual(try await store.keys(of: id).map(\.lastUsed), [nil, WallTime(seconds: 7)])
      try await expectFailure(.notFound) { () throws(StoreError) in try await store.removeKey(first.id, from: other) }
      try await store.removeKey(first.id, from: id)
      try expectEqual(try await store.keys(of: id).map(\.id), [second.id])
      try await expectFailure(.notFound) { () throws(StoreError) in try await store.removeKey(first.id, from: id) }
      try await store.noteKeyUse(first.id, at: WallTime(seconds: 8))
    },
    StoreCheck("app passwords are added in order, noted and removed") { store in
      let id = try await store.create(ann()).id
      let other = try await store.create(plain("bob@lab.test")).id
      let first = try await store.addAppPassword(appPassword("phone"), to: id)
      var open = appPassword("pad")
      (open.services, open.networks, open.expires) = ([], [], nil)
      let second = try await store.addAppPassword(open, to: id)
      try expectEqual(try await store.appPasswords(of: id), [first, second])
      try await expectFailure(.conflict) { () throws(StoreError) in
        try await store.addAppPassword(appPassword("phone"), to: id)
      }
      _ = try await store.addAppPassword(appPassword("phone"), to: other)
      try await store.noteAppPasswordUse(first.id, at: WallTime(seconds: 7))
      try expectEqual(try await store.appPasswords(of: id).map(\.lastUsed), [WallTime(seconds: 7), nil])
      try await expectFailure(.notFound) { () throws(StoreError) in
        try await store.removeAppPassword(first.id, from: other)
      }
      try await store.removeAppPassword(first.id, from: id)
      try expectEqual(try await store.appPasswords(of: id).map(\.label), ["pad"])
    },
    StoreCheck("a time step of the second factor is used once, by one of many") { store in
      let id = try await store.create(ann()).id
      try expect(try await !store.useTOTPStep(1, of: id), "a step was used without a second factor")
      let state = TOTPState(sealedSecret: Secret([1, 0, 2]), isConfirmed: true, lastStep: 10)
      try await store.setTOTP(state, of: id)
      try expectEqual(try await store.totp(of: id), state)
      try expect(try await !store.useTOTPStep(10, of: id), "a used step was taken")
      let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 { group.addTask { try await store.useTOTPStep(11, of: id) } }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      try expectEqual(wins, 1)
      try expect(try await !store.useTOTPStep(9, of: id), "an earlier step was taken")
      try expectEqual(try await store.totp(of: id)?.lastStep, 11)
      try await store.setTOTP(nil, of: id)
      try expectEqual(try await store.totp(of: id), nil)
    },
    StoreCheck("a recovery code is used once") { store in
      let id = try await store.create(ann()).id
      try await store.setTOTP(TOTPState(sealedSecret: Secret("s"), isConfirmed: true), of: id)
      try await store.setRecoveryCodes([Secret("a"), Secret("b")], of: id)
      try expectEqual(try await store.recoveryCodeCount(of: id), 2)
      try expect(try await store.useRecoveryCode(Secret("a"), of: id), "a recovery code was not taken")
      try expect(try await !store.useRecoveryCode(Secret("a"), of: id), "a recovery code was taken twice")
      try expectEqual(try await store.recoveryCodeCount(of: id), 1)
      try await store.setRecoveryCodes([Secret("c")], of: id)
      try expect(try await !store.useRecoveryCode(Secret("b"), of: id), "an old recovery code was taken")
      try await store.setTOTP(nil, of: id)
      try expectEqual(try await store.recoveryCodeCount(of: id), 0)
      try await expectFailure(.notFound) { () throws(StoreError) in
        try await store.setRecoveryCodes([], of: AccountID(999))
      }
    },
  ]

  private static let faults: [StoreCheck<any AccountStore>] = [
    StoreCheck(breaking: "a full store says so, keeps what it has, and still answers") { store, breaking in
      let created = try await store.create(ann())
      try await breaking(.full)
      var large = plain("large@lab.test")
      large.groups = (0..<200).map { "group \($0) \(String(repeating: "x", count: 2000))" }
      let wanted = large
      try await expectFailure(.full) { () throws(StoreError) in try await store.create(wanted) }
      try expectEqual(try await store.account(created.id), created)
      try expectEqual(try await store.account(named: "large@lab.test"), nil)
    },
    StoreCheck(breaking: "a store that is gone says so, whatever is asked") { store, breaking in
      let id = try await store.create(ann()).id
      try await breaking(.unavailable)
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.create(plain("bob@lab.test")) }
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.account(id) }
      try await expectFailure(.unavailable) { () throws(StoreError) in
        try await store.accounts(matching: AccountFilter(), after: nil, limit: 1)
      }
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.passwordVerifiers(of: id) }
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.useTOTPStep(1, of: id) }
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.delete(id) }
    },
  ]
}
