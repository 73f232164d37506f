/// Whether a socket could be bound, without keeping it: for checks before a start.
public enum SocketCheck {
  /// Throws what `Supervisor.start` would: who has the address, or why it can't be bound.
  public static func bindable(_ place: SocketPlace) throws(SupervisionError) {
    _ = try SocketBinder.bind(SocketPlan(name: "check", place: place), besides: false)
  }
}
