import Services
import WireKit

extension AdminVerb {
  private static let properties: [Option] = [
    .valued("display-name", "TEXT"), .valued("address", "ADDRESS,…"), .valued("role", "ROLE,…"),
    .valued("group", "GROUP,…"), .valued("quota", "SIZE|none"), .valued("expires", "DATE|30d|never"),
  ]
  private static let passwordOptions: [Option] = [.flag("generate"), .flag("force")]
  private static let change = "console:accounts"

  static let accounts: [AdminVerb] = [
    AdminVerb(
      "account add", "NAME", options: properties + passwordOptions + [.flag("no-password")], permission: change,
      "adds an account; asks for its password, or makes one"
    ) { arguments throws(AdminFailure) in
      let specification = AccountSpecification(
        name: try arguments.value("NAME"), displayName: arguments.option("display-name") ?? "",
        addresses: arguments.list("address") ?? [], roles: arguments.list("role") ?? [],
        groups: arguments.list("group") ?? [], quotaBytes: try arguments.quota()?.value,
        expires: try arguments.expiry()?.value)
      let choice: PasswordChoice = arguments.flag("no-password") ? .none : password(arguments)
      return .accountAdd(specification, choice, force: arguments.flag("force"))
    },
    AdminVerb(
      "account list",
      options: [
        .valued("match", "TEXT"), .valued("role", "ROLE"), .valued("group", "GROUP"), .flag("disabled"),
        .valued("after", "NAME"), .valued("limit", "COUNT"),
      ], permission: "console:show", "lists accounts"
    ) { arguments throws(AdminFailure) in
      let filter = AccountFilter(
        text: arguments.option("match"), role: arguments.option("role"), group: arguments.option("group"),
        isDisabled: arguments.flag("disabled") ? true : nil)
      return .accountList(filter, after: arguments.option("after"), limit: try arguments.limit())
    },
    AdminVerb("account show", "NAME", permission: "console:show", "shows an account, without its secrets") {
      arguments throws(AdminFailure) in .accountShow(try arguments.value("NAME"))
    },
    AdminVerb(
      "account set", "NAME", options: properties, permission: change,
      "changes properties; a list replaces the whole list"
    ) {
      arguments throws(AdminFailure) in
      var change = AccountChange()
      let name = try arguments.value("NAME")
      change.displayName = arguments.option("display-name")
      change.addresses = arguments.list("address")
      change.roles = arguments.list("role")
      change.groups = arguments.list("group")
      change.quotaBytes = try arguments.quota()
      change.expires = try arguments.expiry()
      return .accountSet(name, change)
    },
    AdminVerb(
      "account password", "NAME", options: passwordOptions, permission: change,
      "sets the password; asks for it, or makes one"
    ) {
      arguments throws(AdminFailure) in
      .accountPassword(try arguments.value("NAME"), password(arguments), force: arguments.flag("force"))
    },
    AdminVerb("account disable", "NAME", permission: change, "keeps an account from logging in, and ends its sessions")
    {
      arguments throws(AdminFailure) in .accountSet(try arguments.value("NAME"), disabling(true))
    },
    AdminVerb("account enable", "NAME", permission: change, "lets a disabled account log in again") {
      arguments throws(AdminFailure) in .accountSet(try arguments.value("NAME"), disabling(false))
    },
    AdminVerb("account remove", "NAME", permission: change, "removes an account; its mail and files stay") {
      arguments throws(AdminFailure) in .accountRemove(try arguments.value("NAME"))
    },
  ]

  static let proofs: [AdminVerb] = [
    AdminVerb("account key add", "NAME KEY", permission: change, "adds an SSH key, given as a line of authorized_keys")
    {
      arguments throws(AdminFailure) in
      .keyAdd(try arguments.value("NAME"), line: try arguments.rest("KEY"))
    },
    AdminVerb("account key list", "NAME", permission: "console:show", "lists the SSH keys") {
      arguments throws(AdminFailure) in .keyList(try arguments.value("NAME"))
    },
    AdminVerb("account key remove", "NAME KEY", permission: change, "removes an SSH key, by fingerprint or number") {
      arguments throws(AdminFailure) in
      .keyRemove(try arguments.value("NAME"), key: try arguments.value("KEY"))
    },
    AdminVerb(
      "account app-password add", "NAME LABEL",
      options: [
        .valued("service", "SERVICE,…"), .valued("network", "NETWORK,…"), .valued("expires", "DATE|30d|never"),
      ], permission: change, "makes an app password, and shows it this once"
    ) { arguments throws(AdminFailure) in
      .appPasswordAdd(
        try arguments.value("NAME"), label: try arguments.value("LABEL"), services: try arguments.services("service"),
        networks: try arguments.networks("network"), expires: try arguments.expiry()?.value)
    },
    AdminVerb(
      "account app-password list", "NAME", permission: "console:show", "lists the app passwords, without their secrets"
    ) {
      arguments throws(AdminFailure) in .appPasswordList(try arguments.value("NAME"))
    },
    AdminVerb("account app-password remove", "NAME LABEL", permission: change, "removes an app password") {
      arguments throws(AdminFailure) in
      .appPasswordRemove(try arguments.value("NAME"), label: try arguments.value("LABEL"))
    },
    AdminVerb(
      "account rdp-password", "NAME", options: [.flag("remove")], permission: change,
      "makes the password for remote desktops (NLA), and shows it this once"
    ) {
      arguments throws(AdminFailure) in
      .desktopPassword(try arguments.value("NAME"), removes: arguments.flag("remove"))
    },
    AdminVerb("account totp begin", "NAME", permission: change, "makes the secret of a second factor") {
      arguments throws(AdminFailure) in .totpBegin(try arguments.value("NAME"))
    },
    AdminVerb(
      "account totp confirm", "NAME CODE", permission: change, "puts it in force by a first code; shows recovery codes"
    ) {
      arguments throws(AdminFailure) in
      .totpConfirm(try arguments.value("NAME"), code: Secret(try arguments.value("CODE")))
    },
    AdminVerb("account totp codes", "NAME", permission: change, "makes new recovery codes; the old ones are void") {
      arguments throws(AdminFailure) in .totpCodes(try arguments.value("NAME"))
    },
    AdminVerb("account totp remove", "NAME", permission: change, "takes the second factor away") {
      arguments throws(AdminFailure) in .totpRemove(try arguments.value("NAME"))
    },
  ]

  static let operations: [AdminVerb] = [
    AdminVerb("penalty list", permission: "console:show", "lists sources with penalties") { _ in .penaltyList },
    AdminVerb("penalty clear", "NETWORK|all", permission: "console:penalties", "forgives a source, a network, or all") {
      arguments throws(AdminFailure) in
      let text = try arguments.value("NETWORK")
      if text == "all" { return .penaltyClear(nil) }
      guard let network = IPNetwork(text) else { throw AdminFailure(.usage, "'\(text)' is no address or network") }
      return .penaltyClear(network)
    },
    AdminVerb(
      "session list", options: [.valued("account", "NAME")], permission: "console:show", "lists who is connected"
    ) {
      arguments throws(AdminFailure) in .sessionList(account: arguments.option("account"))
    },
    AdminVerb("session end", "SESSION", permission: "console:sessions", "ends a session") {
      arguments throws(AdminFailure) in
      let text = try arguments.value("SESSION")
      guard let id = SessionID(text) else { throw AdminFailure(.usage, "'\(text)' is no session") }
      return .sessionEnd(id)
    },
    AdminVerb(
      "audit list",
      options: [
        .valued("account", "NAME"), .valued("service", "SERVICE"), .valued("peer", "ADDRESS"),
        .valued("since", "DATE"), .valued("until", "DATE"), .valued("before", "NUMBER"), .valued("limit", "COUNT"),
      ], permission: "audit:read", "lists the audit trail, newest first"
    ) { arguments throws(AdminFailure) in
      let filter = AuditFilter(
        account: arguments.option("account"),
        service: try arguments.parsedOption("service", "service") { ServiceName(rawValue: $0) },
        peer: try arguments.parsedOption("peer", "address") { IPAddress($0) }, since: try arguments.time("since"),
        until: try arguments.time("until"))
      return .auditList(
        filter, before: try arguments.parsedOption("before", "record number") { Int64($0) },
        limit: try arguments.limit())
    },
    AdminVerb(
      "audit verify", options: [.valued("head", "NUMBER:HASH")], permission: "audit:read",
      "checks the chain, and a head noted earlier"
    ) {
      arguments throws(AdminFailure) in
      .auditVerify(
        try arguments.parsedOption("head", "head, as an earlier check printed it") { text in
          let parts = text.split(separator: ":")
          guard parts.count == 2, let sequence = Int64(parts[0]), sequence > 0,
            let hash = Hexadecimal.bytes(parts[1]), hash.count == 32
          else { return nil }
          return AuditHead(sequence: sequence, hash: hash)
        })
    },
  ]

  private static func password(_ arguments: AdminArguments) -> PasswordChoice {
    arguments.flag("generate") ? .generated : .asked
  }

  private static func disabling(_ isDisabled: Bool) -> AccountChange {
    var change = AccountChange()
    change.isDisabled = isDisabled
    return change
  }
}
