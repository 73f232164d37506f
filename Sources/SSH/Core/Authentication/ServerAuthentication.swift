/// What the server knows of a log-in that has not ended.
struct ServerAuthentication {
  /// The client asked for the service, as it must before it logs in.
  var wasRequested = false
  var hasShownBanner = false
  /// The name that what follows belongs to. Another name starts from nothing (RFC 4252 §5).
  var user = ""
  /// Methods that have succeeded.
  var passed: [AuthenticationPolicy.Method] = []
  /// Attempts that failed, and keys that were asked about in vain.
  var failures = 0
  var probes = 0
  /// Requests but `none`, as the sign that somebody meant to log in.
  var attempts = 0
  /// A question of keyboard-interactive that is open.
  var question: Question?
  /// The password was right, and only the code is missing.
  var password: Credential?
  /// A second factor is due, whatever the policy says.
  var needsCode = false

  /// What was asked by SSH_MSG_USERAUTH_INFO_REQUEST.
  enum Question {
    case password
    case code(password: Credential)
  }

  mutating func begin(_ newUser: String) {
    guard newUser != user else { return }
    user = newUser
    passed = []
    password = nil
    needsCode = false
  }

  /// What may come next.
  func methods(_ policy: AuthenticationPolicy) -> [AuthenticationPolicy.Method] {
    needsCode ? [.keyboardInteractive] : policy.next(after: passed)
  }
}

/// What an attempt was, while it is judged.
struct LogInAttemptState {
  let method: AuthenticationPolicy.Method
  /// The password of this attempt, for the question about the code that may follow.
  var password: Credential?
  /// The fingerprint of the key that signed.
  var fingerprint: String?
}
