package awqmarlin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The structs that Go code fills in place. The others are only used by their C names, so cgo takes care of them.
var structs = map[string]any{
	"awqm_calibrator_info":       CalibratorInfo{},
	"awqm_calibrator_layer_info": CalibratorLayerInfo{},
	"awqm_calibrator_options":    CalibratorOptions{},
	"awqm_group_info":            GroupInfo{},
	"awqm_quantizer_info":        QuantizerInfo{},
	"awqm_capability_info":       CapabilityInfo{},
	"awqm_config_info":           ConfigInfo{},
	"awqm_cuda_plan_info":        CUDAPlanInfo{},
	"awqm_cuda_plan_options":     CUDAPlanOptions{},
	"awqm_device_info":           DeviceInfo{},
	"awqm_layer_desc":            LayerDesc{},
	"awqm_layer_info":            LayerInfo{},
	"awqm_linear_info":           LinearInfo{},
	"awqm_linear_options":        LinearOptions{},
	"awqm_module_info":           ModuleInfo{},
	"awqm_packed_info":           PackedInfo{},
	"awqm_plan_info":             PlanInfo{},
	"awqm_plan_options":          PlanOptions{},
	"awqm_quantize_report":       QuantizeReport{},
	"awqm_repack_sizes":          RepackSizes{},
}

// unbound are the names that ../unbound.txt lists for Go.
func unbound(t *testing.T) map[string]bool {
	text, err := os.ReadFile("../unbound.txt")
	ok(t, err)
	names := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "go" {
			names[words[1]] = true
		}
	}
	return names
}

type table struct {
	Versions, Constants map[string]int
	Enums               []struct {
		Name   string
		Values map[string]int
	}
	Structs []struct {
		Name   string
		Size   uintptr
		Fields []struct {
			Name         string
			Offset, Size uintptr
		}
	}
	Functions []struct{ Name string }
}

// theTable is what was made from the C header; $AWQM_INTERFACE names it.
func theTable(t *testing.T) table {
	path := os.Getenv("AWQM_INTERFACE")
	if path == "" {
		path = "../../abi/interface.json"
	}
	text, err := os.ReadFile(path)
	ok(t, err)
	var all table
	ok(t, json.Unmarshal(text, &all))
	return all
}

// A struct here may lack the last fields of the header's, which the library takes, when they are listed as unbound.
func TestStructsLieAsInTheHeader(t *testing.T) {
	found, listed := 0, unbound(t)
	for _, want := range theTable(t).Structs {
		value, here := structs[want.Name]
		if !here {
			continue
		}
		found++
		have := reflect.TypeOf(value)
		for i, field := range want.Fields {
			name := want.Name + "." + field.Name
			_, missing := listed[name]
			if i >= have.NumField() {
				if !missing {
					t.Errorf("%s of the header is not bound", name)
				}
				continue
			}
			mine := have.Field(i)
			if missing || !strings.EqualFold(mine.Name, strings.ReplaceAll(field.Name, "_", "")) || mine.Offset != field.Offset || mine.Type.Size() != field.Size {
				t.Errorf("%s.%s: offset %d, %d bytes; the header's %s: offset %d, %d bytes; listed as unbound: %v", have, mine.Name,
					mine.Offset, mine.Type.Size(), field.Name, field.Offset, field.Size, missing)
			}
		}
		if have.NumField() > len(want.Fields) || have.NumField() == len(want.Fields) && have.Size() != want.Size {
			t.Errorf("%s: %d bytes and %d fields, the header's has %d and %d", have, have.Size(), have.NumField(), want.Size, len(want.Fields))
		}
	}
	if found != len(structs) {
		t.Errorf("%d of %d structs are in the table", found, len(structs))
	}
}

// Constants and functions are used by their C names, so they are right when they are there at all.
func TestEverythingIsBound(t *testing.T) {
	var sources strings.Builder
	for _, pattern := range []string{"*.go", "callbacks.c"} {
		files, err := filepath.Glob(pattern)
		ok(t, err)
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				text, err := os.ReadFile(file)
				ok(t, err)
				sources.Write(text)
			}
		}
	}
	words := map[string]bool{}
	isWord := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	for _, word := range strings.FieldsFunc(sources.String(), func(r rune) bool { return !isWord(r) }) {
		words[word] = true
	}
	all := theTable(t)
	names, listed := 0, unbound(t)
	expect := func(name string) {
		names++
		if _, missing := listed[name]; missing == words[name] {
			t.Errorf("%s of the header: bound %v, listed as unbound %v", name, words[name], missing)
		}
	}
	for _, function := range all.Functions {
		expect(function.Name)
	}
	for _, enum := range all.Enums {
		for value := range enum.Values {
			expect(value)
		}
	}
	for constant := range all.Constants {
		expect(constant)
	}
	if names < 150 {
		t.Errorf("the table has only %d names", names)
	}
	if all.Versions["AWQM_ABI_VERSION"] != ABIVersion ||
		Version != all.Versions["AWQM_VERSION_MAJOR"]*1000000+all.Versions["AWQM_VERSION_MINOR"]*1000+all.Versions["AWQM_VERSION_PATCH"] {
		t.Error("versions")
	}
}
