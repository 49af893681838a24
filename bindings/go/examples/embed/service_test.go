package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func serve(t testing.TB) *httptest.Server {
	root := os.Getenv("AWQM_FIXTURES")
	if root == "" {
		root = "../../../../tests/fixtures"
	}
	service, err := NewService(filepath.Join(root, "checkpoint", "llama2l_gemm"), "model.layers.0.mlp.up_proj")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	t.Cleanup(service.Close) // after the server, which is closed first
	t.Cleanup(server.Close)
	return server
}

func post(server *httptest.Server, body string) (response, int, error) {
	var out response
	reply, err := server.Client().Post(server.URL, "application/json", bytes.NewBufferString(body))
	if err != nil {
		return out, 0, err
	}
	defer reply.Body.Close()
	if reply.StatusCode == http.StatusOK {
		err = json.NewDecoder(reply.Body).Decode(&out)
	}
	io.Copy(io.Discard, reply.Body)
	return out, reply.StatusCode, err
}

func TestEmbeddings(t *testing.T) {
	server := serve(t)
	alone, code, err := post(server, `{"tokens": [[7, 8]]}`)
	if err != nil || code != 200 || len(alone.Embeddings) != 1 || len(alone.Embeddings[0]) != 512 {
		t.Fatal(code, err, alone)
	}
	norm := 0.0
	for _, v := range alone.Embeddings[0] {
		norm += float64(v) * float64(v)
	}
	if math.Abs(norm-1) > 1e-4 {
		t.Fatalf("a norm of %g", norm)
	}
	// The same texts from many clients at once, each beside others.
	var all sync.WaitGroup
	for client := 1; client <= 8; client++ {
		all.Add(1)
		go func(client int) {
			defer all.Done()
			for i := 0; i < 10; i++ {
				both, code, err := post(server, fmt.Sprintf(`{"tokens": [[%d, %d, 3], [7, 8]]}`, client, i))
				if err != nil || code != 200 {
					t.Error(code, err)
					return
				}
				for n, v := range both.Embeddings[1] {
					if math.Abs(float64(v-alone.Embeddings[0][n])) > 1e-5 {
						t.Errorf("client %d: number %d is %g, alone %g", client, n, v, alone.Embeddings[0][n])
						return
					}
				}
			}
		}(client)
	}
	all.Wait()
	for _, bad := range []string{"", `{"tokens": []}`, `{"tokens": [[]]}`, `{"tokens": [[-1]]}`, `{"tokens": [[1000000]]}`} {
		if _, code, err := post(server, bad); err != nil || code != http.StatusBadRequest {
			t.Errorf("%s: %d %v", bad, code, err)
		}
	}
}

func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float32{0: 0, 0x3c00: 1, 0xc000: -2, 1: 1.0 / (1 << 24), 0x7bff: 65504, 0xfc00: float32(math.Inf(-1))} {
		if half(bits) != want {
			t.Errorf("%04x is %g; %g is expected", bits, half(bits), want)
		}
	}
}

func BenchmarkRequests(b *testing.B) {
	server := serve(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, code, err := post(server, `{"tokens": [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]}`); err != nil || code != 200 {
				b.Error(code, err)
				return
			}
		}
	})
}
