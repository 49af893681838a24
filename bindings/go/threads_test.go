package awqmarlin

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func upProj(t testing.TB, options CPUOptions) *Linear {
	cpu, err := NewCPU(options)
	ok(t, err)
	defer cpu.Close() // layers keep what they need of it
	packed, err := open(t).Load([]string{layerName}, LoadOptions{})
	ok(t, err)
	defer packed.Close()
	layer, err := NewLinear(cpu, packed, LinearOptions{})
	ok(t, err)
	return layer
}

// Many goroutines run one layer, on a pool of goroutines; none sees another's error.
func TestConcurrentRuns(t *testing.T) {
	var tasks atomic.Int64
	parallel := func(count int, task func(int)) {
		var all sync.WaitGroup
		for i := 0; i < count; i++ {
			all.Add(1)
			go func(i int) {
				defer all.Done()
				tasks.Add(1)
				task(i)
			}(i)
		}
		all.Wait()
	}
	layer := upProj(t, CPUOptions{Threads: 4, Parallel: parallel})
	want := expected(t)[layerName]
	x, y := inputAndOutput(t, want)
	const rows = 32 // so many that the work is shared out
	for len(x) < rows*int(want.K) {
		x, y = append(x, x...), append(y, y...)
	}
	bytes, err := layer.WorkspaceBytes(rows, F16)
	ok(t, err)
	var all sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		all.Add(1)
		go func(worker int) {
			defer all.Done()
			workspace, out := make([]byte, bytes), make([]float32, rows*want.N)
			for i := 0; i < 20; i++ {
				if err := Run(layer, x, out, rows, workspace); err != nil {
					t.Error(err)
					return
				}
				if err := near(out, y); err != nil {
					t.Error(err)
					return
				}
				origin := fmt.Sprintf("worker %d, turn %d", worker, i)
				_, err := ParseConfig([]byte("{"), origin)
				if !errors.Is(err, StatusJSON) || !strings.Contains(err.Error(), origin) {
					t.Errorf("%s got the error of another: %v", origin, err)
					return
				}
				runtime.Gosched()
			}
		}(worker)
	}
	all.Wait()
	ok(t, layer.Close())
	if tasks.Load() == 0 {
		t.Fatal("the pool was not used")
	}
}

// Close waits for runs, and runs after it say so.
func TestCloseDuringRuns(t *testing.T) {
	layer := upProj(t, CPUOptions{Threads: 1})
	bytes, err := layer.WorkspaceBytes(1, F32)
	ok(t, err)
	var all sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		all.Add(1)
		go func() {
			defer all.Done()
			x, y, workspace := make([]float32, 256), make([]float32, 512), make([]byte, bytes)
			for {
				if err := Run(layer, x, y, 1, workspace); err == ErrClosed {
					return
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	time.Sleep(10 * time.Millisecond)
	ok(t, layer.Close())
	all.Wait()
}

// What is forgotten is freed.
func TestFinalizers(t *testing.T) {
	var freed atomic.Int64
	for i := 0; i < 10; i++ {
		layer := upProj(t, CPUOptions{Threads: 1})
		free := layer.free
		layer.free = func(ptr *cLinear) {
			free(ptr)
			freed.Add(1)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); freed.Load() < 10; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("%d of 10 forgotten layers were freed", freed.Load())
		}
		time.Sleep(time.Millisecond)
	}
}

// The CPU logs only bugs of the library, so there is no line to wait for; the callback itself is called by hand.
func TestLog(t *testing.T) {
	var lines atomic.Int64
	count := func(level LogLevel, message string) {
		if message == "a line" && level == LogLevelInfo {
			lines.Add(1)
		}
	}
	ok(t, SetLog(count, LogLevelDebug))
	fails(t, SetLog(count, 99), StatusUnknownEnum)
	logLine(logging.own, LogLevelInfo, "a line")
	ok(t, SetLog(nil, LogLevelOff))
	ok(t, SetLog(nil, LogLevelOff))
	if lines.Load() != 1 {
		t.Fatalf("%d lines", lines.Load())
	}
}
