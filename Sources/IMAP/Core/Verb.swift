/// The states of a connection (RFC 9051 §3), as a set.
public struct SessionStates: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let notAuthenticated = SessionStates(rawValue: 1)
  public static let authenticated = SessionStates(rawValue: 2)
  public static let selected = SessionStates(rawValue: 4)
  public static let any: SessionStates = [.notAuthenticated, .authenticated, .selected]
  public static let loggedIn: SessionStates = [.authenticated, .selected]
}

/// A row of the table of commands: it decides what is legal when, and tells in words what each is for.
public struct Verb: Hashable, Sendable {
  public let name: String
  public let states: SessionStates
  /// What it does, for people who watch.
  public let meaning: String

  init(_ name: String, _ states: SessionStates, _ meaning: String) {
    self.name = name
    self.states = states
    self.meaning = meaning
  }

  public static let table: [String: Verb] = Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0) })

  private static let rows: [Verb] = [
    Verb("CAPABILITY", .any, "asks what the server can do"),
    Verb("NOOP", .any, "asks for news"),
    Verb("LOGOUT", .any, "ends the session"),
    Verb("ID", .any, "says which program this is"),
    Verb("STARTTLS", .notAuthenticated, "wants TLS from here on"),
    Verb("AUTHENTICATE", .notAuthenticated, "logs in by a SASL mechanism"),
    Verb("LOGIN", .notAuthenticated, "logs in by name and password"),
    Verb("ENABLE", .loggedIn, "switches extensions on"),
    Verb("SELECT", .loggedIn, "opens a mailbox"),
    Verb("EXAMINE", .loggedIn, "opens a mailbox for reading"),
    Verb("CREATE", .loggedIn, "makes a mailbox"),
    Verb("DELETE", .loggedIn, "removes a mailbox"),
    Verb("RENAME", .loggedIn, "renames a mailbox"),
    Verb("SUBSCRIBE", .loggedIn, "subscribes to a mailbox"),
    Verb("UNSUBSCRIBE", .loggedIn, "unsubscribes from a mailbox"),
    Verb("LIST", .loggedIn, "lists mailboxes"),
    Verb("LSUB", .loggedIn, "lists subscriptions"),
    Verb("NAMESPACE", .loggedIn, "asks where mailboxes live"),
    Verb("STATUS", .loggedIn, "asks about a mailbox without opening it"),
    Verb("APPEND", .loggedIn, "puts messages into a mailbox"),
    Verb("COMPRESS", .loggedIn, "wants everything compressed from here on"),
    Verb("IDLE", .loggedIn, "waits for news"),
    Verb("GETQUOTA", .loggedIn, "asks for limits and use"),
    Verb("GETQUOTAROOT", .loggedIn, "asks for a mailbox's limits and use"),
    Verb("SETQUOTA", .loggedIn, "sets limits"),
    Verb("GETACL", .loggedIn, "asks who may do what with a mailbox"),
    Verb("SETACL", .loggedIn, "grants rights to a mailbox"),
    Verb("DELETEACL", .loggedIn, "takes rights to a mailbox away"),
    Verb("LISTRIGHTS", .loggedIn, "asks which rights can be granted"),
    Verb("MYRIGHTS", .loggedIn, "asks for its own rights to a mailbox"),
    Verb("GETMETADATA", .loggedIn, "reads annotations"),
    Verb("SETMETADATA", .loggedIn, "writes annotations"),
    Verb("NOTIFY", .loggedIn, "says what it wants to be told of"),
    Verb("ESEARCH", .loggedIn, "searches in several mailboxes"),
    Verb("GENURLAUTH", .loggedIn, "wants URLs by which others may read messages"),
    Verb("RESETKEY", .loggedIn, "takes back all URLs that it gave away"),
    Verb("URLFETCH", .loggedIn, "reads messages by URLs"),
    Verb("CANCELUPDATE", .selected, "wants no more news of a search"),
    Verb("UIDBATCHES", .selected, "asks where to cut the mailbox into equal parts"),
    Verb("CHECK", .selected, "asks for a checkpoint"),
    Verb("CLOSE", .selected, "closes the mailbox, removing what is marked as deleted"),
    Verb("UNSELECT", .selected, "closes the mailbox, removing nothing"),
    Verb("EXPUNGE", .selected, "removes what is marked as deleted"),
    Verb("SEARCH", .selected, "searches"),
    Verb("SORT", .selected, "searches and sorts"),
    Verb("THREAD", .selected, "searches and groups by conversation"),
    Verb("FETCH", .selected, "reads from messages"),
    Verb("STORE", .selected, "changes flags"),
    Verb("COPY", .selected, "copies messages"),
    Verb("MOVE", .selected, "moves messages"),
    Verb("REPLACE", .selected, "puts a message in the place of another"),
    Verb("UID EXPUNGE", .selected, "removes some of what is marked as deleted"),
    Verb("UID SEARCH", .selected, "searches"),
    Verb("UID SORT", .selected, "searches and sorts"),
    Verb("UID THREAD", .selected, "searches and groups by conversation"),
    Verb("UID FETCH", .selected, "reads from messages"),
    Verb("UID STORE", .selected, "changes flags"),
    Verb("UID COPY", .selected, "copies messages"),
    Verb("UID MOVE", .selected, "moves messages"),
    Verb("UID REPLACE", .selected, "puts a message in the place of another"),
  ]
}
