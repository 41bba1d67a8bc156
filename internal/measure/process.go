package measure

import (
	"bytes"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"entente/errs"
)

// Usage is what a process has used so far.
type Usage struct {
	CPU     time.Duration // user and system, in ticks of 10 ms
	RSS     uint64        // bytes in memory now
	PeakRSS uint64        // most bytes in memory since ResetPeak, or since it started
}

// tick is the unit of processor time in /proc, USER_HZ: 100 a second on every Linux that Go runs on.
const tick = time.Second / 100

func procFailed(err error) error {
	return &errs.Error{Kind: errs.Unavailable, Code: "measure.process", Op: "measure", Reason: "what a process uses is read from /proc, which Linux has", Err: err}
}

// Process reads the usage of a running process.
func Process(pid int) (u Usage, err error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return u, procFailed(err)
	}
	// The name of the program stands in parentheses and may hold anything; numbers are counted from behind it.
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(f) < 13 {
		return u, procFailed(nil)
	}
	for _, s := range f[11:13] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return u, procFailed(err)
		}
		u.CPU += time.Duration(n) * tick
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return u, procFailed(err)
	}
	for line := range strings.Lines(string(status)) {
		for name, dst := range map[string]*uint64{"VmRSS:": &u.RSS, "VmHWM:": &u.PeakRSS} {
			if rest, ok := strings.CutPrefix(line, name); ok {
				kib, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
				if err != nil {
					return u, procFailed(err)
				}
				*dst = kib << 10
			}
		}
	}
	return u, nil
}

// ResetPeak makes the peak of a process start again from what it has now. It needs the same account.
func ResetPeak(pid int) error {
	if err := os.WriteFile("/proc/"+strconv.Itoa(pid)+"/clear_refs", []byte("5"), 0); err != nil {
		return procFailed(err)
	}
	return nil
}

// Meter is a TCP relay that counts what passes: the bytes on the wire, TLS included, TCP and IP headers not. It adds a
// copy and two wake-ups to each way.
type Meter struct {
	l     net.Listener
	to    atomic.Pointer[string]
	bytes atomic.Int64
	wg    sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// NewMeter listens on a loopback port.
func NewMeter() (*Meter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "measure.listen", Op: "measure", Err: err}
	}
	m := &Meter{l: l, conns: map[net.Conn]bool{}}
	m.wg.Go(m.serve)
	return m, nil
}

// Address is where the meter listens.
func (m *Meter) Address() string { return m.l.Addr().String() }

// Relay says where connections go from now on.
func (m *Meter) Relay(address string) { m.to.Store(&address) }

// Bytes is how many bytes have passed, both ways.
func (m *Meter) Bytes() int64 { return m.bytes.Load() }

// Close ends every connection.
func (m *Meter) Close() {
	m.l.Close()
	m.mu.Lock()
	for c := range m.conns {
		c.Close()
	}
	m.mu.Unlock()
	m.wg.Wait()
}

func (m *Meter) serve() {
	for {
		in, err := m.l.Accept()
		if err != nil {
			return
		}
		to := m.to.Load()
		if to == nil {
			in.Close()
			continue
		}
		out, err := net.Dial("tcp", *to)
		if err != nil {
			in.Close()
			continue
		}
		m.mu.Lock()
		m.conns[in], m.conns[out] = true, true
		m.mu.Unlock()
		m.wg.Go(func() { m.copy(out, in) })
		m.wg.Go(func() { m.copy(in, out) })
	}
}

func (m *Meter) copy(dst, src net.Conn) {
	defer func() {
		dst.Close()
		m.mu.Lock()
		delete(m.conns, src)
		m.mu.Unlock()
	}()
	buf := make([]byte, 256<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
			m.bytes.Add(int64(n))
		}
		if err != nil {
			if err != io.EOF {
				src.Close()
			}
			return
		}
	}
}
