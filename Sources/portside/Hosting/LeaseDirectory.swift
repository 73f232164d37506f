import DHCPServer
import TFTPServer

/// Who hears of leases, and tells TFTP whose they are.
protocol LeaseDirectory: LeaseObserver, ClientDirectory {}
