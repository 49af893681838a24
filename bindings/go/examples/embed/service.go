package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"sync"

	"awqmarlin"
)

const maxTexts = 64 // of one request

// Service answers requests concurrently; each takes buffers of its own from a pool.
type Service struct {
	checkpoint *awqmarlin.Checkpoint // its mapped file holds the rows
	layer      *awqmarlin.Linear
	rows       awqmarlin.Tensor
	k, n       int
	buffers    sync.Pool
}

type buffers struct {
	x, y      []float32
	workspace []byte
}

// NewService opens a checkpoint and puts one of its layers on the CPU.
func NewService(model, layer string) (_ *Service, err error) {
	s := &Service{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.checkpoint, err = awqmarlin.Open(model); err != nil {
		return nil, err
	}
	if s.rows, err = s.checkpoint.Tensor("model.embed_tokens.weight"); err != nil {
		return nil, err
	}
	cpu, err := awqmarlin.NewCPU(awqmarlin.CPUOptions{})
	if err != nil {
		return nil, err
	}
	defer cpu.Close()
	packed, err := s.checkpoint.Load([]string{layer}, awqmarlin.LoadOptions{Device: cpu})
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	if s.layer, err = awqmarlin.NewLinear(cpu, packed, awqmarlin.LinearOptions{}); err != nil {
		return nil, err
	}
	info, err := s.layer.Info()
	if err != nil {
		return nil, err
	}
	s.k, s.n = int(info.K), int(info.N)
	if s.rows.DType != awqmarlin.F16 || len(s.rows.Shape) != 2 || int(s.rows.Shape[1]) != s.k {
		return nil, fmt.Errorf("the embedding is %v %v; %s takes F16 rows of %d", s.rows.DType, s.rows.Shape, layer, s.k)
	}
	bytes, err := s.layer.WorkspaceBytes(maxTexts, awqmarlin.F32)
	if err != nil {
		return nil, err
	}
	s.buffers.New = func() any {
		return &buffers{make([]float32, maxTexts*s.k), make([]float32, maxTexts*s.n), make([]byte, bytes)}
	}
	return s, nil
}

// Close frees the layer and the checkpoint, after the last request.
func (s *Service) Close() {
	if s.layer != nil {
		s.layer.Close()
	}
	if s.checkpoint != nil {
		s.checkpoint.Close()
	}
}

// Width is how many numbers an embedding has.
func (s *Service) Width() int { return s.n }

type request struct {
	Tokens [][]int `json:"tokens"`
}

type response struct {
	Embeddings [][]float32 `json:"embeddings"`
}

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(in.Tokens) == 0 || len(in.Tokens) > maxTexts {
		http.Error(w, fmt.Sprintf("%d texts; 1 to %d are taken", len(in.Tokens), maxTexts), http.StatusBadRequest)
		return
	}
	b := s.buffers.Get().(*buffers)
	defer s.buffers.Put(b)
	for i, tokens := range in.Tokens {
		if err := s.mean(tokens, b.x[i*s.k:(i+1)*s.k]); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	m := len(in.Tokens)
	if err := awqmarlin.Run(s.layer, b.x[:m*s.k], b.y[:m*s.n], m, b.workspace); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	out := response{make([][]float32, m)}
	for i := range out.Embeddings {
		out.Embeddings[i] = normalize(b.y[i*s.n : (i+1)*s.n])
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(out)
}

// mean writes the mean of the tokens' rows to x.
func (s *Service) mean(tokens []int, x []float32) error {
	for i := range x {
		x[i] = 0
	}
	if len(tokens) == 0 {
		return fmt.Errorf("a text without tokens")
	}
	for _, token := range tokens {
		if token < 0 || int64(token) >= s.rows.Shape[0] {
			return fmt.Errorf("token %d; the model has 0 to %d", token, s.rows.Shape[0]-1)
		}
		row := s.rows.Data[2*token*s.k:]
		for i := range x {
			x[i] += half(binary.LittleEndian.Uint16(row[2*i:])) / float32(len(tokens))
		}
	}
	return nil
}

func normalize(v []float32) []float32 {
	sum := 0.0
	for _, value := range v {
		sum += float64(value) * float64(value)
	}
	if sum > 0 {
		for i := range v {
			v[i] /= float32(math.Sqrt(sum))
		}
	}
	return v
}

// half is the value of an IEEE half.
func half(bits uint16) float32 {
	sign, exponent, fraction := 1.0, int(bits>>10&31), float64(bits&1023)
	if bits>>15 != 0 {
		sign = -1
	}
	switch exponent {
	case 0:
		return float32(sign * math.Ldexp(fraction, -24))
	case 31:
		if fraction != 0 {
			return float32(math.NaN())
		}
		return float32(math.Inf(int(sign)))
	}
	return float32(sign * math.Ldexp(1024+fraction, exponent-25))
}
